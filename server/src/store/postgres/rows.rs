//! Conversions from columns to the types of records.

use super::error::DbError;
use serde_json::{Map, Value};
use std::fmt::Display;
use tenant_registry_contract::types::ConstraintError;

/// Names the row whose value does not conform to the spec.
pub(super) fn corrupt_row(table: &str, id: impl Display) -> impl FnOnce(ConstraintError) -> DbError {
    move |error| DbError::Internal(format!("{table}: the row {id} does not conform to the spec: {error}"))
}

/// Converts a nullable column.
pub(super) fn optional<C, T: TryFrom<C, Error = ConstraintError>>(
    column: Option<C>,
) -> Result<Option<T>, ConstraintError> {
    column.map(T::try_from).transpose()
}

/// Converts a JSON column whose CHECK accepts only objects.
pub(super) fn json_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
