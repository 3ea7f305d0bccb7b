//! The errors of the bench.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a run has no result.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// Postgres is not available.
    #[error(transparent)]
    Postgres(#[from] test_support::postgres::Error),
    /// The service does not start.
    #[error(transparent)]
    Service(#[from] test_support::ServiceError),
    /// The database rejected a statement.
    #[error("the database: {}", with_cause(.0))]
    Sql(#[from] tokio_postgres::Error),
    /// A file or a program cannot be used.
    #[error("{place}: {source}", place = place.display())]
    File {
        /// Its path.
        place: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A connection to the service broke.
    #[error("a connection to the service: {0}")]
    Connection(#[from] io::Error),
    /// The service rejects every request of a kind, so there is nothing to measure.
    #[error("no response had status {status} and contained `{part}`; the first request was: {request}")]
    NoGoodResponse {
        /// The expected status.
        status: u16,
        /// A text in the expected body.
        part: &'static str,
        /// The first request.
        request: String,
    },
    /// The rival does not do the same as the service.
    #[error(
        "the service and the rival written by hand respond differently, so their figures cannot be compared; \
         request: {request}; service: {service}; rival: {by_hand}"
    )]
    DifferentResponses {
        /// The request.
        request: String,
        /// Status and body of the service's response.
        service: String,
        /// Status and body of the rival's.
        by_hand: String,
    },
    /// A program failed.
    #[error("{program}: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Its standard error.
        output: String,
    },
    /// A text has an unexpected form.
    #[error("{what} cannot be read: {text}")]
    Unreadable {
        /// Its name.
        what: &'static str,
        /// Its text.
        text: String,
    },
    /// Argon2 rejected its parameters.
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
    /// A thread or task of the bench panicked.
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

/// The `Display` of the client's error is only "db error".
fn with_cause(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
