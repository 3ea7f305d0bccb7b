//! Errors of the rules: rejections, which are the caller's to fix, and failures, which are the service's.
//!
//! The result type of each operation names its possible rejections, so that the API layer can respond only with declared
//! statuses. The text of a rejection is for the caller. The detail of a failure is for the log and has no `Display`.

use crate::api_key_hash::HashError;
use crate::records::InternalDetail;
use crate::store::StoreError;
use tenant_registry_contract::server::{IfMatch, Tagged};
use tenant_registry_contract::types::{ApiKeyId, ConstraintError, FieldError, TenantId};
use thiserror::Error;

/// The request contradicts itself or the stored record. The text says what to change.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidInput(pub String);

/// Members of the body contradict stored records. There is at least one.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("`{}`: {}{}", .first.field, .first.message, more_in_errors(.others))]
pub struct InvalidMembers {
    /// The first of them.
    pub first: FieldError,
    /// All others.
    pub others: Vec<FieldError>,
}

/// As in the message for a body that violates its schema.
fn more_in_errors(others: &[FieldError]) -> String {
    if others.is_empty() {
        String::new()
    } else {
        format!(" ({} more in `errors`)", others.len())
    }
}

/// The request is too large to be processed at once. The text says what to change.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct TooLarge(pub String);

/// A resource that the request names does not exist. The text says which.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotFound(pub String);

impl NotFound {
    /// The error for a missing tenant. A foreign tenant gets the same one.
    pub(crate) fn no_tenant_with_id(id: TenantId) -> Self {
        Self(format!("no tenant has the id {id}"))
    }

    /// The error for a missing API key. A key of a foreign tenant gets the same one.
    pub(crate) fn no_api_key_with_id(id: ApiKeyId) -> Self {
        Self(format!("no API key has the id {id}"))
    }
}

/// The request conflicts with a stored record. The text says how.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Conflict(pub String);

/// The record has none of the entity tags that the caller expects.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the record has changed; read it again, and repeat the change with its new `ETag`")]
pub struct PreconditionFailed;

impl PreconditionFailed {
    /// Checks the precondition of a change, if it has one, against the record as readers see it.
    pub(crate) fn check<T: Tagged>(if_match: Option<&IfMatch<T>>, record: &T) -> Result<(), Self> {
        if if_match.is_none_or(|expected| expected.matches(record)) {
            Ok(())
        } else {
            Err(Self)
        }
    }

    /// Checks the precondition of a change that creates the record if there is none. Nothing matches a missing record
    /// (RFC 9110, section 13.1.1).
    pub(crate) fn check_optional<T: Tagged>(if_match: Option<&IfMatch<T>>, record: Option<&T>) -> Result<(), Self> {
        match record {
            Some(record) => Self::check(if_match, record),
            None if if_match.is_some() => Err(Self),
            None => Ok(()),
        }
    }
}

/// The caller is not allowed to do this. The text says why.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Forbidden(pub String);

/// Rejections of `tenant_create`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TenantCreateError {
    /// The caller may see only one tenant.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The slug is in use.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of the operations that change a tenant.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TenantChangeError {
    /// The change would make the record inconsistent.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The tenant does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The tenant has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The state of the tenant does not allow the change.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `audit_append_batch`.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AuditAppendBatchError {
    /// Tenants of events do not exist.
    #[error(transparent)]
    InvalidMembers(#[from] InvalidMembers),
    /// The response would be too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Rejections of `api_key_revoke`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiKeyRevokeError {
    /// The key does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The key has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
}

/// Rejections of `entitlement_revoke`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EntitlementRevokeError {
    /// The tenant does not exist or never had the entitlement.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The entitlement has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
}

/// Rejections of `catalog_trial_request`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TrialError {
    /// The product supports no trial.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The tenant or the product does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The state of the tenant or of an entitlement does not allow the trial.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `project_create`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProjectCreateError {
    /// The tenant does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The slug is in use.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `project_update`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProjectUpdateError {
    /// The project does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The project has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
}

/// Rejections of `project_delete`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProjectDeleteError {
    /// The project does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The project has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The project has usable keys.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of the lists of a tenant's records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ListError {
    /// The cursor belongs to another list or to other filters.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The tenant does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
}

/// Rejections of `api_key_create`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiKeyCreateError {
    /// The key would be expired already.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The tenant or the project does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
}

/// Rejections of `entitlement_set`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EntitlementSetError {
    /// The tenant or the product does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The entitlement has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The tenant is archived, or its plan cannot use the product.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `api_key_update`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiKeyUpdateError {
    /// The key would be expired already.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The key does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The key has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The key is revoked or expired, or would expire later than it does.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `tenant_delete`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TenantDeleteError {
    /// The tenant does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The tenant has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The tenant is not archived.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Rejections of `api_key_rotate`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiKeyRotateError {
    /// The key does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The key has changed since the caller read it.
    #[error(transparent)]
    PreconditionFailed(#[from] PreconditionFailed),
    /// The key is revoked, expired or rotated already.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// The service could not do what was requested.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// Nothing was changed. A retry may succeed.
    #[error("the service is overloaded or its store cannot be reached")]
    Unavailable(InternalDetail),
    /// The store was lost during the commit. The change may have been made.
    #[error("the store was lost during the commit")]
    OutcomeUnknown(InternalDetail),
    /// A retry will not succeed until the cause in the log is fixed.
    #[error("the service failed")]
    Internal(InternalDetail),
}

/// The error of an operation. `R` is the type of its rejections.
#[derive(Clone, Debug, Error)]
pub enum DomainError<R> {
    /// A rule rejected the request.
    #[error("rejected")]
    Rejected(R),
    /// The service failed.
    #[error(transparent)]
    Failed(Failure),
}

impl Failure {
    /// The cause, for the log.
    pub fn detail(&self) -> &InternalDetail {
        match self {
            Self::Unavailable(detail) | Self::OutcomeUnknown(detail) | Self::Internal(detail) => detail,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(detail) => Self::Unavailable(detail),
            StoreError::OutcomeUnknown(detail) => Self::OutcomeUnknown(detail),
            StoreError::Internal(detail) => Self::Internal(detail),
        }
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        match error {
            HashError::QueueFull | HashError::OverBudget => Self::Unavailable(InternalDetail::new(error.to_string())),
            HashError::UnknownTag
            | HashError::Malformed
            | HashError::Argon2(_)
            | HashError::Random(_)
            | HashError::Constraint(_)
            | HashError::Stopped => Self::Internal(InternalDetail::new(error.to_string())),
        }
    }
}

/// A value made by the service does not conform to the spec.
impl From<ConstraintError> for Failure {
    fn from(error: ConstraintError) -> Self {
        Self::Internal(InternalDetail::new(format!(
            "a value made by the service does not conform to the spec: {error}"
        )))
    }
}

impl<R, F: Into<Failure>> From<F> for DomainError<R> {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl<R> DomainError<R> {
    /// Converts an error to the rejection type of the operation.
    pub(crate) fn rejected(error: impl Into<R>) -> Self {
        Self::Rejected(error.into())
    }
}
