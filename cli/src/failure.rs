//! Errors of commands, and their exit codes.

use std::fmt::Display;
use std::io;

use tenant_registry_client::types::{ApiKeyVerifyReason, ErrorCode, FieldError};
use tenant_registry_client::{ConfigurationError, Error, OpenEnum, TokenError};

use crate::exit_code::Exit;

/// An error of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments are invalid. Nothing was changed.
    #[error("{0}")]
    Usage(String),
    /// The settings of the connection are invalid. Nothing was sent.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// There is no access token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A record that an argument names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request failed.
    #[error(transparent)]
    Request(#[from] Error),
    /// The API key is not valid.
    #[error("the API key is not valid{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    ApiKeyNotValid(Option<OpenEnum<ApiKeyVerifyReason>>),
    /// The output cannot be written.
    #[error("cannot write {place}: {source}")]
    Unwritable { place: String, source: io::Error },
    /// The response cannot be converted to the output format.
    #[error("cannot format the response: {0}")]
    Format(String),
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A system call failed.
    #[error(transparent)]
    System(io::Error),
}

impl Failure {
    /// An input of a command cannot be read: a file, or standard input.
    pub(crate) fn unreadable(place: impl Display, error: &io::Error) -> Self {
        Self::Usage(format!("cannot read {place}: {error}"))
    }

    /// Standard output cannot be written.
    pub(crate) fn output(source: io::Error) -> Self {
        Self::Unwritable {
            place: "standard output".to_owned(),
            source,
        }
    }

    /// The exit code of the program.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Configuration(_) => Exit::Usage,
            Self::Token(error) => exit_of_token(error),
            Self::NotFound(_) => Exit::NotFound,
            Self::Request(error) => exit_of(error),
            Self::ApiKeyNotValid(Some(reason)) if reason.is_retryable() => Exit::Unavailable,
            Self::ApiKeyNotValid(_) => Exit::ApiKeyNotValid,
            // A reader that stops early, such as `head`, is not an error.
            Self::Unwritable { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Self::Unwritable { .. } | Self::Format(_) | Self::System(_) => Exit::Failure,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// The message for standard error, if there is one.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Unwritable { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Request(error) => Some(message_with_request_id(error)),
            Self::ApiKeyNotValid(Some(OpenEnum::Known(ApiKeyVerifyReason::Unavailable))) => {
                Some("the API key could not be checked; try again".to_owned())
            }
            Self::Configuration(error) => Some(with_causes(error)),
            Self::Token(error) => Some(with_causes(error)),
            Self::Usage(_)
            | Self::NotFound(_)
            | Self::ApiKeyNotValid(_)
            | Self::Unwritable { .. }
            | Self::Format(_)
            | Self::Interrupted
            | Self::System(_) => Some(self.to_string()),
        }
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::InvalidRequest(_) => Exit::Usage,
        Error::Token(error) => exit_of_token(error),
        Error::Connection(_) => Exit::Unavailable,
        Error::Response(response) => match response.code {
            OpenEnum::Known(code) => exit_of_code(code),
            OpenEnum::Unknown(_) if error.is_retryable() => Exit::Unavailable,
            OpenEnum::Unknown(_) if response.status.is_client_error() => Exit::Rejected,
            OpenEnum::Unknown(_) => Exit::Failure,
        },
        Error::UndeclaredResponse { .. } if error.is_retryable() => Exit::Unavailable,
        Error::NotModified { .. } | Error::UndeclaredResponse { .. } | Error::UnreadableBody(_) => Exit::Failure,
    }
}

fn exit_of_token(error: &TokenError) -> Exit {
    if error.is_retryable() {
        Exit::Unavailable
    } else {
        Exit::Rejected
    }
}

fn exit_of_code(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::Conflict | ErrorCode::PreconditionFailed => Exit::Conflict,
        ErrorCode::RateLimited | ErrorCode::Unavailable => Exit::Unavailable,
        ErrorCode::InvalidInput
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Unauthorized
        | ErrorCode::Forbidden
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType => Exit::Rejected,
        ErrorCode::Internal => Exit::Failure,
    }
}

fn message_with_request_id(error: &Error) -> String {
    let mut message = with_causes(error);
    // The message has the first one.
    let others = error
        .response()
        .into_iter()
        .flat_map(|response| response.errors.iter().skip(1));
    for FieldError { field, message: reason } in others {
        message.push_str(&format!("\n`{field}`: {reason}"));
    }
    if let Some(id) = error.request_id() {
        message.push_str(&format!("\nrequest ID: {id}"));
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
    use crate::exit_code::Exit;

    #[test]
    fn a_temporary_failure_is_not_an_invalid_key() {
        let failure = Failure::ApiKeyNotValid(Some(ApiKeyVerifyReason::Unavailable.into()));
        assert_eq!(failure.exit(), Exit::Unavailable);
        assert_eq!(
            failure.message().as_deref(),
            Some("the API key could not be checked; try again")
        );
        let failure = Failure::ApiKeyNotValid(Some(ApiKeyVerifyReason::TenantInactive.into()));
        assert_eq!(failure.exit(), Exit::ApiKeyNotValid);
    }
}
