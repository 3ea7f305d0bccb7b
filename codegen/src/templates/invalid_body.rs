/// Why a request body was rejected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidBody {
    /// 400: The body is not JSON, or violates its schema.
    #[error("{message}")]
    Malformed {
        /// Says what to change.
        message: String,
        /// The errors of the members. Empty if the body as a whole is invalid.
        errors: Vec<crate::types::FieldError>,
    },
    /// 413: The body is larger than the service accepts.
    #[error("the body must have at most {limit} bytes")]
    TooLarge {
        /// The maximum size in bytes.
        limit: usize,
    },
    /// 415: The body is not declared as JSON.
    #[error("{message}")]
    UnsupportedMediaType {
        /// Says what to change.
        message: String,
    },
    /// 415: The body is compressed or otherwise encoded.
    #[error("{message}")]
    UnsupportedContentCoding {
        /// Says what to change.
        message: String,
    },
}
