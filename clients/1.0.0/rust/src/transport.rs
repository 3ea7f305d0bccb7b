//! Sends requests: sets their headers and retries them.

use std::fmt;
use std::sync::Arc;

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Request, Response};

use crate::retry::RetryPolicy;
use crate::{Client, Operation};

/// A function that modifies the headers of a request.
pub(crate) type HeaderHook = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

/// The settings that all requests of a client share.
#[derive(Clone)]
pub struct Transport {
    /// Marked as sensitive, so that `Debug` does not show it.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) header_hook: Option<HeaderHook>,
    pub(crate) retry: RetryPolicy,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("authorization", &self.authorization)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl Transport {
    fn set_headers(&self, headers: &mut HeaderMap) {
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(hook) = &self.header_hook {
            hook(headers);
        }
    }
}

impl ClientHooks<Transport> for Client {
    async fn exec(&self, mut request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let is_idempotent = Operation::from_id(info.operation_id).is_some_and(Operation::is_idempotent);
        let mut retries = self.inner.retry.start(is_idempotent);
        loop {
            let copy = request.try_clone();
            // Set for each attempt, because a token may have expired since the last one.
            self.inner.set_headers(request.headers_mut());
            let outcome = self.client.execute(request).await;
            let (Some(copy), Some(delay)) = (copy, retries.next_delay(&outcome)) else {
                return outcome;
            };
            // Dropping the unread response releases its connection.
            drop(outcome);
            tokio::time::sleep(delay).await;
            request = copy;
        }
    }
}
