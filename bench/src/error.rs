//! What ends a run without a result.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The database could not be had.
    #[error(transparent)]
    Postgres(#[from] test_support::postgres::Error),
    /// The database refused a statement.
    #[error("the database: {}", with_cause(.0))]
    Sql(#[from] tokio_postgres::Error),
    /// A file or a program could not be used.
    #[error("{place}: {source}", place = place.display())]
    File {
        /// Which.
        place: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A connection to the service broke.
    #[error("a connection to the service: {0}")]
    Connection(#[from] io::Error),
    /// A program ended otherwise than it should.
    #[error("{program}: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// Something that is read is not of the form that it should have.
    #[error("{what} cannot be read: {text}")]
    Unreadable {
        /// What.
        what: &'static str,
        /// Its text.
        text: String,
    },
    /// Argon2 refused its parameters.
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
    /// A thread or task of the bench ended in a panic.
    #[error("a part of the bench panicked")]
    Panicked,
}

impl Error {
    pub(crate) fn file(place: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let place = place.into();
        move |source| Self::File { place, source }
    }

    pub(crate) fn unreadable(what: &'static str, text: &str) -> Self {
        Self::Unreadable {
            what,
            text: text.to_owned(),
        }
    }
}

/// By itself the client's error says only "db error".
fn with_cause(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
