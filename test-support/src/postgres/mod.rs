//! Postgres for tests and for development, started from the installed binaries.
//!
//! Postgres does not run as root. When the tests do, the server runs as the user `postgres` or `nobody`.

mod cluster;
#[cfg(feature = "databases")]
mod databases;
pub mod development;
mod programs;
#[cfg(feature = "databases")]
pub mod shared;
mod sweep;

pub use cluster::{Cluster, ClusterSettings};
#[cfg(feature = "databases")]
pub use databases::{Database, Databases};
#[cfg(feature = "databases")]
pub use shared::TestDatabase;

use std::path::PathBuf;
use thiserror::Error;

/// Why Postgres is not available.
#[derive(Debug, Error)]
pub enum Error {
    /// No supported version is installed.
    #[error(
        "found no Postgres 15 or later under /usr/lib/postgresql or on the PATH; install it (Debian: `apt-get install postgresql`)"
    )]
    NotInstalled,
    /// The tests run as root, and no other user can run the server.
    #[error("Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as")]
    NoUser,
    /// An earlier version created the development cluster without a password.
    #[error(
        "{directory}: this cluster trusts every local user; save what you need of it, stop it (`pg_ctl stop`), and remove \
         the directory, so that `make db` creates one with a password",
        directory = directory.display()
    )]
    NoPassword {
        /// The directory of the cluster.
        directory: PathBuf,
    },
    /// A file or a process failed.
    #[error("{place}: {source}", place = place.display())]
    Io {
        /// The file or program.
        place: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: String,
        /// What it wrote to standard error, or its log.
        output: String,
    },
    /// The server rejected a connection or a statement.
    #[cfg(feature = "databases")]
    #[error("Postgres: {0}")]
    Sql(#[from] tokio_postgres::Error),
    /// `TEST_DATABASE_URL` names no server or no database.
    #[error("TEST_DATABASE_URL must be `postgres://<server>/<database>`")]
    Url,
}

impl Error {
    fn io(place: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let place = place.into();
        move |source| Self::Io { place, source }
    }
}
