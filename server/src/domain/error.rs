//! Why an operation did not do what it was asked: refused by a rule, or failed for a cause of ours.
//!
//! Each operation names in its result type the refusals that it knows, so that the API layer can answer with declared
//! statuses alone. A refusal's text is for the caller; a failure's detail is for the log and has no `Display`.

use crate::api_key_hash::HashError;
use crate::records::InternalDetail;
use crate::store::StoreError;
use tenant_registry_contract::types::ConstraintError;
use thiserror::Error;

/// What the caller sent contradicts itself or what is stored; the text says what to change.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidInput(pub String);

/// Something that the request names does not exist; the text says what.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotFound(pub String);

/// The request contradicts what is stored; the text says how.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Conflict(pub String);

/// The caller is not allowed to do this; the text says why.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Forbidden(pub String);

/// Why no tenant is created.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TenantCreateError {
    /// See [`Forbidden`].
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// See [`Conflict`].
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Any of the refusals that are about a record, for operations that know all of them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TenantChangeError {
    /// See [`InvalidInput`].
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// See [`NotFound`].
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// See [`Conflict`].
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// The service could not do it, whoever asked.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// Nothing was changed, and trying again may help.
    #[error("the service has no room or its store cannot be reached")]
    Unavailable(InternalDetail),
    /// Whether anything was changed is not known: the store was lost while it committed.
    #[error("the store was lost while it committed")]
    OutcomeUnknown(InternalDetail),
    /// Trying again will not help before somebody has read the log.
    #[error("the service failed")]
    Internal(InternalDetail),
}

/// Why an operation did not do what it was asked; `R` is what the operation may refuse for.
#[derive(Clone, Debug, Error)]
pub enum DomainError<R> {
    /// A rule says no.
    #[error("refused")]
    Rejected(R),
    /// The service could not do it.
    #[error(transparent)]
    Failed(Failure),
}

impl Failure {
    /// The cause, for the log alone.
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

/// A value that the service itself made does not keep the spec: a fault of ours.
impl From<ConstraintError> for Failure {
    fn from(error: ConstraintError) -> Self {
        Self::Internal(InternalDetail::new(format!(
            "a value made by the service breaks the spec: {error}"
        )))
    }
}

impl<R, F: Into<Failure>> From<F> for DomainError<R> {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl<R> DomainError<R> {
    /// A refusal, in the terms of the operation.
    pub(crate) fn rejected(error: impl Into<R>) -> Self {
        Self::Rejected(error.into())
    }
}
