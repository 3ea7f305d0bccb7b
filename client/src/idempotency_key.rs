//! The `Idempotency-Key` of a request.

use reqwest::header::HeaderName;
use uuid::Uuid;

use crate::types::IdempotencyKey;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The key that the caller chose, or a new one. With a key, the client can send the request again.
pub(crate) fn of_request(chosen: Option<&IdempotencyKey>) -> String {
    match chosen {
        Some(key) => key.as_str().to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}
