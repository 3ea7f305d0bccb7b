//! Database errors, by what the store can do about them.

use crate::error_chain::with_causes;
use crate::records::InternalDetail;
use crate::store::StoreError;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

/// Why the database did not do what it was asked. The text is for the log.
#[derive(Clone, Debug)]
pub(super) enum DbError {
    /// Nothing was changed, and a repetition may succeed at once: a deadlock, a lost connection.
    Transient(String),
    /// Nothing was changed, and a repetition may succeed later.
    Unavailable(String),
    /// The connection broke during COMMIT: the change may have been made.
    OutcomeUnknown(String),
    /// Nothing was changed, and a repetition will fail as well.
    Internal(String),
}

impl From<Error> for DbError {
    /// Converts an error that occurred before COMMIT.
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
                // Deadlocks, timeouts, full disks and shutdowns have no kind. diesel-async hides the SQLSTATE that would
                // distinguish them. Each of them leaves the transaction undone and may be over soon.
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
            // The schema and the code disagree about a row or a value.
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
    /// Not transient: the request has already waited for a connection as long as it may.
    fn from(error: PoolError) -> Self {
        Self::Unavailable(with_causes(&error))
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Transient(text) | DbError::Unavailable(text) => Self::Unavailable(InternalDetail::new(text)),
            DbError::OutcomeUnknown(text) => Self::OutcomeUnknown(InternalDetail::new(text)),
            DbError::Internal(text) => Self::Internal(InternalDetail::new(text)),
        }
    }
}

/// The server's message with the names that an operator needs, but without values of the row.
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

/// Whether the statement violated this unique or foreign key constraint.
pub(super) fn violates(error: &Error, constraint: &str) -> bool {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation, information) =
        error
    else {
        return false;
    };
    information.constraint_name() == Some(constraint)
}
