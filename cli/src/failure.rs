//! Why a command has nothing to show, and with which exit code it ends.

use std::fmt::Display;
use std::io;

use tenant_registry_client::types::{ApiKeyVerifyReason, ErrorCode};
use tenant_registry_client::{ConfigurationError, Error};

use crate::exit_code::Ending;

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no request. Nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// The connection cannot be set up as it is asked for. Nothing was sent.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The service refused the request, failed, or did not answer.
    #[error(transparent)]
    Request(#[from] Error),
    /// The service answered that an API key does not verify.
    #[error("the API key is not valid{}", .0.map(|reason| format!(": {reason}")).unwrap_or_default())]
    ApiKeyNotValid(Option<ApiKeyVerifyReason>),
    /// What the service answered cannot be written where it should be.
    #[error("{place} cannot be written: {source}")]
    Unwritable { place: String, source: io::Error },
    /// What the service answered cannot be written in the format that was asked for.
    #[error("the answer cannot be written: {0}")]
    Format(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Something that the system should give is not there.
    #[error(transparent)]
    System(io::Error),
}

impl Failure {
    /// A file or standard input that an argument names and that cannot be read.
    pub(crate) fn unreadable(place: impl Display, error: &io::Error) -> Self {
        Self::Usage(format!("{place} cannot be read: {error}"))
    }

    /// Standard output.
    pub(crate) fn output(source: io::Error) -> Self {
        Self::Unwritable {
            place: "standard output".to_owned(),
            source,
        }
    }

    /// With which code the program ends.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Usage(_) | Self::Configuration(_) => Ending::Usage,
            Self::Request(error) => ending_of(error),
            Self::ApiKeyNotValid(reason) if reason.is_some_and(ApiKeyVerifyReason::is_worth_retrying) => {
                Ending::Unavailable
            }
            Self::ApiKeyNotValid(_) => Ending::ApiKeyNotValid,
            // A reader that has seen enough, as `head` has, is no error.
            Self::Unwritable { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Ending::Success,
            Self::Unwritable { .. } | Self::Format(_) | Self::System(_) => Ending::Failure,
            Self::Interrupted => Ending::Interrupted,
        }
    }

    /// What is said on standard error; `None` where there is nothing to say.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Unwritable { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Request(error) => Some(request_message(error)),
            Self::ApiKeyNotValid(Some(ApiKeyVerifyReason::Unavailable)) => {
                Some("the API key could not be verified; try again".to_owned())
            }
            Self::Configuration(error) => Some(with_causes(error)),
            Self::Usage(_)
            | Self::ApiKeyNotValid(_)
            | Self::Unwritable { .. }
            | Self::Format(_)
            | Self::Interrupted
            | Self::System(_) => Some(self.to_string()),
        }
    }
}

fn ending_of(error: &Error) -> Ending {
    match error {
        Error::InvalidRequest(_) => Ending::Usage,
        Error::Connection(_) => Ending::Unavailable,
        Error::Refused(refusal) => match refusal.code {
            ErrorCode::NotFound => Ending::NotFound,
            ErrorCode::Conflict => Ending::Conflict,
            ErrorCode::RateLimited | ErrorCode::Unavailable => Ending::Unavailable,
            ErrorCode::InvalidInput
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Unauthorized
            | ErrorCode::Forbidden
            | ErrorCode::PayloadTooLarge
            | ErrorCode::UnsupportedMediaType => Ending::Refused,
            ErrorCode::Internal => Ending::Failure,
        },
        Error::Undeclared { .. } if error.is_worth_retrying() => Ending::Unavailable,
        Error::Undeclared { .. } | Error::UnreadableBody(_) => Ending::Failure,
    }
}

fn request_message(error: &Error) -> String {
    let mut message = with_causes(error);
    if let Some(id) = error.request_id() {
        message.push_str(&format!("\nrequest id: {id}"));
    }
    message
}

fn with_causes(error: &(impl std::error::Error + ?Sized)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use tenant_registry_client::types::ApiKeyVerifyReason;

    use super::Failure;
    use crate::exit_code::Ending;

    #[test]
    fn a_bad_day_is_no_bad_key() {
        let failure = Failure::ApiKeyNotValid(Some(ApiKeyVerifyReason::Unavailable));
        assert_eq!(failure.ending(), Ending::Unavailable);
        assert_eq!(
            failure.message().as_deref(),
            Some("the API key could not be verified; try again")
        );
        let failure = Failure::ApiKeyNotValid(Some(ApiKeyVerifyReason::TenantInactive));
        assert_eq!(failure.ending(), Ending::ApiKeyNotValid);
    }
}
