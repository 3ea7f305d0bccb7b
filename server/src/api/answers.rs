//! From the domain's words to the spec's: bodies of errors, and what kind of outcome each answer is.

use crate::domain::error::{Conflict, Forbidden, InvalidInput, NotFound};
use tenant_registry_contract::server::{
    ApiKeyCreateResponse, ApiKeyListResponse, ApiKeyRevokeResponse, AuditAppendResponse, AuditListResponse,
    CatalogRequestResponse, CatalogTrialRequestResponse, EntitlementListResponse, TenantActivateResponse,
    TenantCancelResponse, TenantCreateResponse, TenantGetBySlugResponse, TenantGetResponse,
};
use tenant_registry_contract::types::{Error, ErrorCode, RetryAfterSeconds};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was asked for was done.
    Done,
    /// It was not, and the caller can change that.
    Refused,
    /// It was not, and only we can change that.
    Failed,
}

/// An answer of an operation. Each implementation names every declared status, so that a status that the spec gains or
/// loses stops the build until somebody has looked at the operation.
pub trait Answer {
    /// The operation's name in the spec.
    const OPERATION: &'static str;

    /// What kind of outcome this answer is.
    fn outcome(&self) -> Outcome;
}

/// Whose fault an error is.
pub fn outcome_of(error: &Error) -> Outcome {
    match error.error {
        ErrorCode::InvalidInput
        | ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Conflict
        | ErrorCode::Unauthorized
        | ErrorCode::Forbidden
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RateLimited => Outcome::Refused,
        ErrorCode::Unavailable | ErrorCode::Internal => Outcome::Failed,
    }
}

/// The answers to a failure of ours, before they are those of one operation.
pub enum FailureAnswer {
    /// 503.
    Unavailable {
        /// The body.
        body: Error,
        /// When to try again.
        retry_after: RetryAfterSeconds,
    },
    /// 500.
    Internal {
        /// The body.
        body: Error,
    },
}

/// The service has no room, or its store cannot be reached.
pub fn unavailable() -> Error {
    Error {
        error: ErrorCode::Unavailable,
        message: "the service has no room or cannot reach its store; nothing was changed, try again".to_owned(),
    }
}

/// The service lost its store while a change was committed.
pub fn outcome_unknown() -> Error {
    Error {
        error: ErrorCode::Internal,
        message: "the service lost its store while it made the change, which may or may not have been made; look \
                  before you try again"
            .to_owned(),
    }
}

/// The service failed; the cause is in the log.
pub fn internal() -> Error {
    Error {
        error: ErrorCode::Internal,
        message: "the service failed; quote the x-request-id of this response".to_owned(),
    }
}

impl From<InvalidInput> for Error {
    fn from(InvalidInput(message): InvalidInput) -> Self {
        Self {
            error: ErrorCode::InvalidInput,
            message,
        }
    }
}

impl From<Forbidden> for Error {
    fn from(Forbidden(message): Forbidden) -> Self {
        Self {
            error: ErrorCode::Forbidden,
            message,
        }
    }
}

impl From<NotFound> for Error {
    fn from(NotFound(message): NotFound) -> Self {
        Self {
            error: ErrorCode::NotFound,
            message,
        }
    }
}

impl From<Conflict> for Error {
    fn from(Conflict(message): Conflict) -> Self {
        Self {
            error: ErrorCode::Conflict,
            message,
        }
    }
}

/// Gives a failure the same two statuses in each operation that declares them.
macro_rules! answers_failures {
    ($($answer:ty),+ $(,)?) => {
        $(impl From<FailureAnswer> for $answer {
            fn from(failure: FailureAnswer) -> Self {
                match failure {
                    FailureAnswer::Unavailable { body, retry_after } => Self::ServiceUnavailable { body, retry_after },
                    FailureAnswer::Internal { body } => Self::InternalServerError(body),
                }
            }
        })+
    };
}

answers_failures!(
    ApiKeyCreateResponse,
    ApiKeyListResponse,
    ApiKeyRevokeResponse,
    AuditAppendResponse,
    AuditListResponse,
    CatalogRequestResponse,
    CatalogTrialRequestResponse,
    EntitlementListResponse,
    TenantActivateResponse,
    TenantCancelResponse,
    TenantCreateResponse,
    TenantGetBySlugResponse,
    TenantGetResponse,
);
