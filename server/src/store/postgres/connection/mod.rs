//! Connections to the database: the URL, TLS, the pool, and the connections that requests share.

mod database;
mod pool;
mod shared;
mod tls;
mod url;

pub(super) use database::Database;
pub(super) use pool::{ConnectError, PooledConnection, connect_unpooled};
pub use pool::{PoolSettings, Recycling};
pub(super) use shared::SharedConnections;
pub use url::{DatabaseUrl, DatabaseUrlError};

use thiserror::Error;

/// Why the store cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// TLS cannot be set up.
    #[error("DATABASE_URL: {0}")]
    Tls(#[from] tls::TlsError),
    /// The pool rejected its settings.
    #[error("the connection pool: {0}")]
    Pool(#[from] diesel_async::pooled_connection::deadpool::BuildError),
}
