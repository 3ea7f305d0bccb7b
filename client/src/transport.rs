//! How a request travels: with which headers, and how often.

use std::fmt;
use std::sync::Arc;

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Request, Response};

use crate::retry::RetryPolicy;
use crate::{Client, Operation};

/// A function that sets headers.
pub(crate) type HeaderHook = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

/// What all requests of a client have in common.
#[derive(Clone)]
pub struct Transport {
    /// Marked as sensitive, so that nothing shows it.
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
        let repeatable = Operation::from_id(info.operation_id).is_some_and(Operation::is_repeatable);
        let mut waits = self.inner.retry.waits(repeatable);
        loop {
            let copy = request.try_clone();
            // For each attempt anew: a token may have expired since the last.
            self.inner.set_headers(request.headers_mut());
            let outcome = self.client.execute(request).await;
            let (Some(copy), Some(wait)) = (copy, waits.after(&outcome)) else {
                return outcome;
            };
            // The refused answer is not read; without it the connection is free.
            drop(outcome);
            tokio::time::sleep(wait).await;
            request = copy;
        }
    }
}
