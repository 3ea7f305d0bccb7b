//! What went wrong with the database, sorted by what can be done about it.

use crate::error_chain::with_causes;
use crate::records::InternalDetail;
use crate::store::StoreError;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

/// Why a transaction did not do its work. The text is for the log.
#[derive(Clone, Debug)]
pub(super) enum DbError {
    /// Nothing was changed, and the same again may go well at once: a deadlock, a lost connection.
    Transient(String),
    /// Nothing was changed, and the same again may go well later.
    Unavailable(String),
    /// The connection broke while the change was committed: it may have been made.
    OutcomeUnknown(String),
    /// Nothing was changed, and the same again will fail again.
    Internal(String),
}

impl From<Error> for DbError {
    /// For an error before anything was committed.
    fn from(error: Error) -> Self {
        let text = describe(&error);
        match error {
            Error::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::RestrictViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ExclusionViolation => Self::Internal(text),
                // What has no kind of its own is a deadlock, a time-out, a full disk, a server that shuts down. diesel-async
                // hides which (no SQLSTATE), but each has left the transaction undone, and each may pass.
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::ClosedConnection
                | _ => Self::Transient(text),
            },
            Error::AlreadyInTransaction
            | Error::NotInTransaction
            | Error::BrokenTransactionManager
            | Error::RollbackTransaction
            | Error::RollbackErrorOnCommit { .. } => Self::Transient(text),
            // A row or a value that the schema and the code do not agree on.
            Error::InvalidCString(_)
            | Error::NotFound
            | Error::QueryBuilderError(_)
            | Error::DeserializationError(_)
            | Error::SerializationError(_)
            | Error::IntegerConversion(_)
            | _ => Self::Internal(text),
        }
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        // Waited for as long as a request may wait: once more would be a hang.
        Self::Unavailable(with_causes(&error))
    }
}

impl From<DbError> for StoreError {
    fn from(fault: DbError) -> Self {
        match fault {
            DbError::Transient(detail) | DbError::Unavailable(detail) => Self::Unavailable(InternalDetail::new(detail)),
            DbError::OutcomeUnknown(detail) => Self::OutcomeUnknown(InternalDetail::new(detail)),
            DbError::Internal(detail) => Self::Internal(InternalDetail::new(detail)),
        }
    }
}

/// What the database said, with all that an operator needs and no value of a row.
fn describe(error: &Error) -> String {
    let Error::DatabaseError(kind, information) = error else {
        return error.to_string();
    };
    let mut text = format!("{kind:?}: {}", information.message());
    for (name, value) in [
        ("table", information.table_name()),
        ("column", information.column_name()),
        ("constraint", information.constraint_name()),
        ("hint", information.hint()),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("; {name}: {value}"));
        }
    }
    text
}

/// Was it this constraint that a statement violated?
pub(super) fn violates(error: &Error, constraint: &str) -> bool {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation, information) =
        error
    else {
        return false;
    };
    information.constraint_name() == Some(constraint)
}
