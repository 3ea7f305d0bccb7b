//! The entity tag of a response.

use progenitor_client::ResponseValue;
use reqwest::header::ETAG;

/// Reads the `ETag` of a response.
pub trait EntityTag {
    /// The `ETag`, if the response has one. Pass it to `if_match` to change exactly this version of the record, or to
    /// `if_none_match` to read the record only if it has changed.
    fn entity_tag(&self) -> Option<&str>;
}

impl<T> EntityTag for ResponseValue<T> {
    fn entity_tag(&self) -> Option<&str> {
        self.headers().get(ETAG)?.to_str().ok()
    }
}
