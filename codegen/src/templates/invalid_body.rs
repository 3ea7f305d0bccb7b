/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// It is not JSON, or breaks a rule of its schema (400).
    #[error("{message}")]
    Malformed {
        /// Says what to change.
        message: String,
    },
    /// It has too many bytes (413).
    #[error("the body must have at most {limit} bytes")]
    TooLarge {
        /// The most bytes that the service accepts.
        limit: usize,
    },
    /// It is not declared as JSON (415).
    #[error("{message}")]
    UnsupportedMediaType {
        /// Says what to change.
        message: String,
    },
}
