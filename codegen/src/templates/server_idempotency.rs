use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Admission, RequestMetadata, ServerErrorResponse};
use crate::types::{Error, ErrorCode};

/// The `Idempotency-Key` of a request, within the requests of one caller to one operation.
///
/// `Debug` hides the key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// A digest of what [`Idempotency::caller`] returns.
    pub caller: [u8; 32],
    /// The `operationId`.
    pub operation: &'static str,
    /// The key as the caller chose it, without quotes.
    pub key: String,
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestKey({}, ***)", self.operation)
    }
}

/// A request with an `Idempotency-Key`. Its operation stores the response in the transaction of its change.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    pub(crate) key: RequestKey,
    pub(crate) fingerprint: [u8; 32],
    /// The status of a success.
    pub(crate) status: u16,
}

impl KeyedRequest {
    /// The key.
    pub fn key(&self) -> &RequestKey {
        &self.key
    }

    /// The response of a success with this body.
    ///
    /// # Errors
    ///
    /// Returns an error if the body cannot be serialized.
    pub fn success<T: Replayable>(&self, body: &T) -> Result<StoredResponse, serde_json::Error> {
        self.stored(self.status, Some(serde_json::to_string(body)?), body.entity_tag()?)
    }

    /// The response of a success without a body.
    ///
    /// # Errors
    ///
    /// Never; it has the form of the other responses.
    pub fn success_without_body(&self) -> Result<StoredResponse, serde_json::Error> {
        self.stored(self.status, None, None)
    }

    /// The 409 that takes the place of a success that contains a secret. The message says what the first request has done.
    ///
    /// # Errors
    ///
    /// Returns an error if the body cannot be serialized.
    pub fn withheld(&self, message: String) -> Result<StoredResponse, serde_json::Error> {
        let error = Error {
            error: ErrorCode::Conflict,
            message,
            errors: None,
        };
        self.stored(409, Some(serde_json::to_string(&error)?), None)
    }

    fn stored(
        &self,
        status: u16,
        body: Option<String>,
        entity_tag: Option<String>,
    ) -> Result<StoredResponse, serde_json::Error> {
        Ok(StoredResponse {
            fingerprint: self.fingerprint,
            status,
            entity_tag,
            body,
        })
    }
}

/// The response to the first request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// A digest of the method, path and body of the request.
    pub fingerprint: [u8; 32],
    /// The status.
    pub status: u16,
    /// The digest in its `ETag`, if it has one.
    pub entity_tag: Option<String>,
    /// The JSON of the body, if there is one.
    pub body: Option<String>,
}

/// The body of a success that is repeated. No such body contains a secret.
pub trait Replayable: Serialize {
    /// The digest in the `ETag` of a response with this body, if it has one.
    ///
    /// # Errors
    ///
    /// Returns the errors of the serializer.
    fn entity_tag(&self) -> serde_json::Result<Option<String>> {
        Ok(None)
    }
}

/// The keys of the requests that run in this process.
#[derive(Debug, Default)]
pub struct RunningRequests(Mutex<HashSet<RequestKey>>);

/// A request that runs until this is dropped.
pub(crate) struct RunningRequest<'a> {
    running: &'a RunningRequests,
    key: &'a RequestKey,
}

impl RunningRequests {
    /// Starts a request, unless one with its key is running.
    pub(crate) fn start<'a>(&'a self, key: &'a RequestKey) -> Option<RunningRequest<'a>> {
        let is_first = self.keys().insert(key.clone());
        is_first.then_some(RunningRequest { running: self, key })
    }

    /// A poisoned lock is safe to use: each key is inserted and removed in one step.
    fn keys(&self) -> MutexGuard<'_, HashSet<RequestKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningRequest<'_> {
    fn drop(&mut self) {
        self.running.keys().remove(self.key);
    }
}

/// Stores the responses to requests with an `Idempotency-Key`. The generated code repeats them.
///
/// An operation gets a [`KeyedRequest`] and stores its response in the transaction of its change. If there is a response
/// for the key already, it changes nothing and returns an error, in whose place the caller gets the stored response.
pub trait Idempotency: Admission {
    /// What distinguishes this caller from all others. The same key of two callers are two keys.
    fn caller(identity: &Self::Identity) -> Vec<u8>;

    /// The requests that are running. All clones of an implementation share them.
    fn running_requests(&self) -> &RunningRequests;

    /// The stored response for this key.
    fn stored_response(
        &self,
        metadata: &RequestMetadata,
        key: &RequestKey,
    ) -> impl Future<Output = Result<Option<StoredResponse>, ServerErrorResponse>> + Send;
}
