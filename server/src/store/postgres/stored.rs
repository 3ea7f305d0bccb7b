//! From what a row holds to what the registry knows. A row that breaks the spec is a fault of ours or of an operator's.

use super::fault::DbError;
use std::fmt::Display;
use tenant_registry_contract::types::ConstraintError;

/// Names the place of a value that breaks the spec.
pub(super) fn corrupt_row(table: &str, id: impl Display) -> impl FnOnce(ConstraintError) -> DbError {
    move |error| DbError::Internal(format!("{table}: the row {id} breaks the spec: {error}"))
}

/// A text that may be missing.
pub(super) fn optional<T: TryFrom<String, Error = ConstraintError>>(
    text: Option<String>,
) -> Result<Option<T>, ConstraintError> {
    text.map(T::try_from).transpose()
}
