//! Throw-away Postgres clusters for tests, started from the installed binaries; databases in them, cloned from a
//! template; and clusters that stay: the one for development, and those that a caller names.
//!
//! Postgres refuses to run as root: where the tests do, its processes are given to another user.

mod cluster;
mod databases;
pub mod development;
mod processes;
mod program;
mod sweep;

pub use cluster::{Cluster, ClusterSettings};
pub use databases::{Database, Databases};

use std::path::PathBuf;
use thiserror::Error;

/// Why there is no Postgres, or not the one that was asked for.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not installed.
    #[error(
        "no Postgres 15 or later under /usr/lib/postgresql or on the PATH; install it (Debian: `apt-get install postgresql`)"
    )]
    NotInstalled,
    /// There is nobody to run it as.
    #[error("Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as")]
    NoUser,
    /// A file or process did not do as it should.
    #[error("{place}: {source}", place = place.display())]
    Io {
        /// The file or program.
        place: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which.
        program: String,
        /// What it said.
        said: String,
    },
    /// A server did not come up, or did not answer as it should.
    #[error("Postgres does not answer: {0}")]
    Sql(#[from] tokio_postgres::Error),
    /// A URL names no database that could be replaced by another.
    #[error("TEST_DATABASE_URL should end in `/<database>`")]
    Url,
}

impl Error {
    fn io(place: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let place = place.into();
        move |source| Self::Io { place, source }
    }
}
