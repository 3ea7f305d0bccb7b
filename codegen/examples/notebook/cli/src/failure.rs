//! Why a command failed.

use std::fmt;
use std::io;

use crate::client;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong.
    Usage(String),
    /// The call failed.
    Call(Box<client::Error>),
}

impl Failure {
    pub(crate) fn unreadable(place: impl fmt::Display, error: &io::Error) -> Self {
        Self::Usage(format!("{place} cannot be read: {error}"))
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        Self::Call(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Call(error) => match error.response() {
                Some((_, response)) => f.write_str(&response.message),
                None => error.fmt(f),
            },
        }
    }
}
