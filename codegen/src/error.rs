//! Errors in a spec, with their places.

use std::fmt;

/// A message or pointer is cut after this many characters: a spec can contain texts of any length.
const LENGTH_MAX: usize = 500;

/// Everything that is wrong with a spec.
///
/// Displayed as one line for each [`Fault`]. The caller adds the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    faults: Vec<Fault>,
}

/// One part of a spec that is wrong or not supported, with its place.
///
/// Displayed as ``LINE:COLUMN: POINTER: [operation `ID`: ]MESSAGE``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1; 0 for an error of the document as a whole.
    pub line: usize,
    /// The column, counted from 1; 0 for an error of the document as a whole.
    pub column: usize,
    /// The path from the root of the document, such as `paths./v1/letters.post`.
    pub pointer: String,
    /// The `operationId`, if the error is in an operation.
    pub operation: Option<String>,
    /// What is wrong, and what to change.
    pub message: String,
}

impl Error {
    /// An error at a place.
    pub(crate) fn new(line: usize, column: usize, pointer: &str, message: &str) -> Self {
        Self {
            faults: vec![Fault {
                line,
                column,
                pointer: shortened(pointer),
                operation: None,
                message: shortened(message),
            }],
        }
    }

    /// An error of the document as a whole.
    pub(crate) fn document(message: impl AsRef<str>) -> Self {
        Self::new(0, 0, "", message.as_ref())
    }

    /// Adds the operation to each fault that does not have one.
    pub(crate) fn in_operation(mut self, id: &str) -> Self {
        for fault in &mut self.faults {
            fault.operation.get_or_insert_with(|| shortened(id));
        }
        self
    }

    /// Changes the message of each fault.
    pub(crate) fn map_message(mut self, change: impl Fn(&str) -> String) -> Self {
        for fault in &mut self.faults {
            fault.message = shortened(&change(&fault.message));
        }
        self
    }

    /// The faults, in the order in which they were found. There is at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Adds the place of its operation to each fault that has none, and sorts the faults by place. A part of the spec that
    /// several operations refer to is reported once.
    pub(crate) fn located(mut self, place_of: impl Fn(&str) -> Option<(usize, usize, String)>) -> Self {
        for fault in self.faults.iter_mut().filter(|fault| fault.line == 0) {
            if let Some((line, column, pointer)) = fault.operation.as_deref().and_then(&place_of) {
                (fault.line, fault.column, fault.pointer) = (line, column, shortened(&pointer));
            }
        }
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self.faults.dedup_by(|second, first| {
            second.line > 0
                && (second.line, second.column, &second.message) == (first.line, first.column, &first.message)
        });
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
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

/// The text on one line, and not longer than a message may be.
fn shortened(text: &str) -> String {
    let mut characters = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    let mut short: String = characters.by_ref().take(LENGTH_MAX).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// Collects the errors of independent parts, so that one run reports them all.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// The value; `None` if there is an error instead, which is collected.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(error);
                None
            }
        }
    }

    /// Collects an error.
    pub(crate) fn add(&mut self, error: Error) {
        self.0.extend(error.faults);
    }

    /// The value, if nothing was collected. It is `None` only if something was.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(Error { faults: self.0 }),
        }
    }
}

/// The values, or the errors of all of them.
pub(crate) fn all<T>(results: impl IntoIterator<Item = Result<T, Error>>) -> Result<Vec<T>, Error> {
    let mut faults = Faults::default();
    let mut values = Vec::new();
    for result in results {
        values.extend(faults.keep(result));
    }
    faults.finish(Some(values))
}
