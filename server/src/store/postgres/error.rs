//! Database errors, by what the store can do about them.

use crate::error_chain::with_causes;
use crate::records::InternalDetail;
use crate::store::StoreError;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

/// Why the database did not do what it was asked. The text is for the log.
#[derive(Clone, Debug)]
pub(super) enum DbError {
    /// Nothing was changed, and a repetition may succeed at once: a deadlock, a lost connection.
    Transient(String),
    /// Nothing was changed, and a repetition may succeed later.
    Unavailable(String),
    /// The connection broke during COMMIT, or BEGIN failed: the change may have been made.
    OutcomeUnknown(String),
    /// Nothing was changed, and a repetition will fail as well.
    Internal(String),
}

impl From<Error> for DbError {
    /// Converts an error that occurred before COMMIT.
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(_, information) => match SqlState::of(&*information) {
                Some((state, _)) => state.error(describe(&*information)),
                // Not from the server: the connection is broken.
                None => Self::Transient(information.message().to_owned()),
            },
            Error::AlreadyInTransaction
            | Error::NotInTransaction
            | Error::BrokenTransactionManager
            | Error::RollbackTransaction
            | Error::RollbackErrorOnCommit { .. } => Self::Transient(error.to_string()),
            // The schema and the code disagree about a row or a value.
            Error::InvalidCString(_)
            | Error::NotFound
            | Error::QueryBuilderError(_)
            | Error::DeserializationError(_)
            | Error::SerializationError(_)
            | Error::IntegerConversion(_)
            | _ => Self::Internal(error.to_string()),
        }
    }
}

impl DbError {
    /// Converts an error of BEGIN, which is sent together with the first statement. If the session survives the error, that
    /// statement runs outside a transaction, and what it does is committed.
    pub(super) fn of_begin(error: Error) -> Self {
        match error {
            Error::DatabaseError(_, information)
                if SqlState::of(&*information).is_some_and(|(state, _)| !state.ends_session()) =>
            {
                Self::OutcomeUnknown(format!("BEGIN: {}", describe(&*information)))
            }
            error => error.into(),
        }
    }
}

/// The code of an error of the server: two characters for the class, three for the condition. Appendix A of the Postgres
/// manual lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SqlState<'a>(&'a str);

impl<'a> SqlState<'a> {
    /// Separates the code from the rest of a message. diesel has no field for the code, so our diesel-async puts it before
    /// the message (see `vendor/README.md`).
    fn of(information: &'a (dyn DatabaseErrorInformation + Send + Sync)) -> Option<(Self, &'a str)> {
        let (code, message) = information.message().split_once(": ")?;
        let is_code = code.len() == 5
            && code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        is_code.then_some((Self(code), message))
    }

    /// Whether the server closes the session after this error, whatever statement it answers.
    fn ends_session(self) -> bool {
        let class = self.0.get(..2).unwrap_or_default();
        matches!(
            (class, self.0),
            // The connection broke.
            ("08", _)
            // The server stops or restarts, or the database is dropped.
            | (_, "57P01" | "57P02" | "57P03" | "57P04")
            // A time limit ended the session.
            | (_, "25P03" | "25P04" | "57P05")
            // There are too many connections.
            | (_, "53300")
        )
    }

    /// The error of a statement that failed with this code. Every code is an internal error unless it is listed here: a
    /// retry would fail as well, so the caller must not be told to try again.
    fn error(self, text: String) -> DbError {
        let class = self.0.get(..2).unwrap_or_default();
        match (class, self.0) {
            // The connection broke, the server stops or restarts, an administrator or a time limit ended the statement.
            ("08" | "57", _)
            // The transaction lost against another one: a deadlock or a serialization failure.
            | ("40", _)
            // The disk or the memory is full, or there are too many connections.
            | ("53", _)
            // The server is a standby now. The next connection may lead to the primary.
            | (_, "25006")
            // A time limit ended the session between two statements.
            | (_, "25P03" | "25P04")
            // Another transaction held the lock for too long.
            | (_, "55P03")
            // The operating system could not read or write.
            | (_, "58000" | "58030") => DbError::Transient(text),
            // Above all: a violated constraint (23) that no rule expects, a value that the server cannot take (22), a
            // statement that does not match the schema or its privileges (42), a limit of the server (54), a corrupt
            // file (XX).
            _ => DbError::Internal(text),
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
fn describe(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    let mut text = match SqlState::of(information) {
        Some((SqlState(code), message)) => format!("SQLSTATE {code}: {message}"),
        None => information.message().to_owned(),
    };
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

#[cfg(test)]
mod tests {
    use super::DbError;
    use diesel::result::{DatabaseErrorKind, Error};

    fn converted(message: &str) -> DbError {
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned())).into()
    }

    #[test]
    fn only_errors_that_may_go_away_are_transient() {
        let transient = [
            "08006", "08P01", "25006", "25P03", "25P04", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014",
            "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030",
        ];
        for code in transient {
            assert!(
                matches!(converted(&format!("{code}: text")), DbError::Transient(_)),
                "{code}"
            );
        }
        let permanent = [
            "0A000", "21000", "22001", "22003", "22007", "22021", "2201B", "22P05", "23502", "23503", "23505", "23514",
            "25001", "25P02", "26000", "28000", "2F005", "3D000", "42501", "42703", "42P01", "54000", "54001", "55000",
            "55006", "58P01", "F0000", "P0001", "XX000", "XX001", "ZZ999",
        ];
        for code in permanent {
            assert!(
                matches!(converted(&format!("{code}: text")), DbError::Internal(_)),
                "{code}"
            );
        }
    }

    #[test]
    fn the_outcome_is_unknown_if_begin_fails_in_a_session_that_survives() {
        let of_begin = |message: &str| {
            let message = Box::new(message.to_owned());
            DbError::of_begin(Error::DatabaseError(DatabaseErrorKind::Unknown, message))
        };
        for message in [
            "57014: canceling statement due to user request",
            "53200: out of memory",
            "XX000: text",
        ] {
            assert!(matches!(of_begin(message), DbError::OutcomeUnknown(_)), "{message}");
        }
        for message in [
            "57P01: terminating connection",
            "25P03: text",
            "08P01: text",
            "connection closed",
        ] {
            assert!(matches!(of_begin(message), DbError::Transient(_)), "{message}");
        }
    }

    #[test]
    fn the_text_for_the_log_contains_the_sqlstate() {
        let DbError::Internal(text) = converted("54000: index row size 3528 exceeds maximum 2712") else {
            panic!("not internal");
        };
        assert_eq!(text, "SQLSTATE 54000: index row size 3528 exceeds maximum 2712");
    }

    #[test]
    fn an_error_of_the_connection_has_no_sqlstate_and_is_transient() {
        assert!(matches!(converted("connection closed"), DbError::Transient(_)));
        assert!(matches!(converted("error: 54000: text"), DbError::Transient(_)));
    }
}
