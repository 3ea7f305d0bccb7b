//! Which errors of the service are temporary. Matches list every value, so that a new one requires a decision.

use crate::OpenEnum;
use crate::types::{ApiKeyVerifyReason, ErrorCode};

impl ErrorCode {
    /// Whether the same request can succeed later, without any change to it.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::Unavailable => true,
            // The request itself must change.
            Self::InvalidInput
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::PreconditionFailed
            | Self::IdempotencyKeyReused
            | Self::Unauthorized
            | Self::Forbidden
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType => false,
            // The service has to be fixed first.
            Self::Internal => false,
        }
    }
}

impl ApiKeyVerifyReason {
    /// Whether the key can turn out to be valid later.
    ///
    /// If so, the key could not be checked. Do not treat it as invalid.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Malformed
            | Self::Unknown
            | Self::Revoked
            | Self::Expired
            | Self::TenantInactive
            | Self::WrongProduct
            | Self::NotEntitled
            | Self::MissingScope => false,
        }
    }
}

impl OpenEnum<ApiKeyVerifyReason> {
    /// Like [`ApiKeyVerifyReason::is_retryable`]. A key with an unknown reason is not valid.
    pub fn is_retryable(&self) -> bool {
        self.known().is_some_and(ApiKeyVerifyReason::is_retryable)
    }
}
