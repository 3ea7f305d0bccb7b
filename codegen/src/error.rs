//! What can be wrong with a spec, and where.

use std::fmt;

/// A fault in the spec, with the place of it.
///
/// Displayed as `LINE:COLUMN: POINTER: [operation `ID`: ]MESSAGE`; the caller knows the file's name and puts it in front.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The line of the fault, counted from 1; 0 where it belongs to the document as a whole.
    pub line: usize,
    /// The column of the fault, counted from 1; 0 where it belongs to the document as a whole.
    pub column: usize,
    /// The way to the fault from the root of the document, such as `paths./v1/tenants.post`.
    pub pointer: String,
    /// The `operationId` of the operation that has the fault, where it lies within one.
    pub operation: Option<String>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Error {
    /// A fault of the document as a whole.
    pub(crate) fn document(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            pointer: String::new(),
            operation: None,
            message: message.into(),
        }
    }

    /// Says in which operation the fault lies, unless that is known already.
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
