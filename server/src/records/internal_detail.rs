//! Text for the log.

/// The cause of a failure. It has no `Display`, so that it cannot reach a response by accident.
#[derive(Clone, Debug)]
pub struct InternalDetail(String);

impl InternalDetail {
    /// Wraps a text for the log.
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }

    /// The text. Use it only in log messages.
    pub fn for_log(&self) -> &str {
        &self.0
    }
}
