//! Errors in a spec, with their places.

use std::fmt;

/// An error in the spec, with its place.
///
/// Displayed as ``LINE:COLUMN: POINTER: [operation `ID`: ]MESSAGE``. The caller adds the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The line, counted from 1; 0 for an error of the document as a whole.
    pub line: usize,
    /// The column, counted from 1; 0 for an error of the document as a whole.
    pub column: usize,
    /// The path from the root of the document, such as `paths./v1/tenants.post`.
    pub pointer: String,
    /// The `operationId`, if the error is in an operation.
    pub operation: Option<String>,
    /// What is wrong, and what to change.
    pub message: String,
}

impl Error {
    /// An error of the document as a whole.
    pub(crate) fn document(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            pointer: String::new(),
            operation: None,
            message: message.into(),
        }
    }

    /// Adds the operation, unless the error already has one.
    pub(crate) fn in_operation(mut self, id: &str) -> Self {
        self.operation.get_or_insert_with(|| id.to_owned());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        if let Some(operation) = &self.operation {
            write!(f, "operation `{operation}`: ")?;
        }
        f.write_str(&self.message)
    }
}
