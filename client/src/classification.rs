//! Which answers of the service are worth another try. Every value is listed, so that a new one is a decision.

use crate::types::{ApiKeyVerifyReason, ErrorCode};

impl ErrorCode {
    /// Can the same request succeed later, with nothing changed in it?
    pub const fn is_worth_retrying(self) -> bool {
        match self {
            // There is too much to do at the moment, or something that is needed cannot be reached.
            Self::RateLimited | Self::Unavailable => true,
            // The request is at fault; it stays so.
            Self::InvalidInput
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::Unauthorized
            | Self::Forbidden
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType => false,
            // A fault in the service lasts until somebody mends it.
            Self::Internal => false,
        }
    }
}

impl ApiKeyVerifyReason {
    /// Can the same key be valid later? Until then, treat its bearer as one whose key could not be verified, not as one
    /// with a bad key.
    pub const fn is_worth_retrying(self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Malformed | Self::Unknown | Self::Revoked | Self::TenantInactive => false,
        }
    }
}
