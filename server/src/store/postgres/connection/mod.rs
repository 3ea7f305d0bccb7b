//! Connections to the database: the URL, TLS, the pool, the connections that requests share, the lease of the primary, and the
//! standbys with the age of their data.

mod connections;
mod database;
mod etcd;
mod lease;
mod pool;
mod position;
mod primary;
mod shared;
mod staleness;
mod standbys;
mod tls;
mod url;

pub(super) use connections::Connections;
pub(super) use database::Database;
pub use etcd::{
    EtcdAuthorities, EtcdCertificateError, EtcdIdentity, EtcdLogin, EtcdPrefix, EtcdPrefixError, EtcdSettings, EtcdUrl,
    EtcdUrlError,
};
pub(super) use pool::{ConnectError, Pool, PooledConnection, connect_unpooled};
pub use pool::{PoolSettings, Recycling, RowSecurity};
pub(super) use shared::SharedConnections;
pub(super) use standbys::PageStart;
pub use standbys::StandbySettings;
pub use url::{DatabaseUrl, DatabaseUrlError};

use crate::error_chain::with_causes;
use thiserror::Error;

/// Why the store cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// TLS cannot be set up.
    #[error("DATABASE_URL: {0}")]
    Tls(#[from] tls::TlsError),
    /// TLS to standbys cannot be set up.
    #[error("DATABASE_READ_URL: {0}")]
    StandbyTls(#[source] tls::TlsError),
    /// The pool rejected its settings.
    #[error("the connection pool: {0}")]
    Pool(#[from] diesel_async::pooled_connection::deadpool::BuildError),
    /// The HTTP client for etcd cannot be created. Usually the machine has no CA certificates.
    #[error("cannot send requests to etcd: {}", with_causes(.0))]
    Etcd(#[from] reqwest::Error),
}
