//! Sends requests: sets their headers and retries them.

use std::fmt;
use std::sync::Arc;

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH};
use reqwest::{Request, Response};

use crate::retry::RetryPolicy;
use crate::token::TokenSource;
use crate::{Client, Error, Operation, idempotency_key};

/// A function that modifies the headers of a request.
pub(crate) type HeaderHook = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

/// The settings that all requests of a client share.
#[derive(Clone)]
pub struct Transport {
    /// Marked as sensitive, so that `Debug` does not show it.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) token_source: Option<Arc<dyn TokenSource>>,
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
    /// Makes sure that there is an access token, before a request.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        if let Some(source) = &self.token_source {
            source.token().await.map_err(Error::Token)?;
        }
        Ok(())
    }

    async fn set_headers(&self, headers: &mut HeaderMap) {
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        // `prepare` has returned the error of a source that has no token. If the token is lost only now, the service says so.
        if let Some(source) = &self.token_source
            && let Ok(token) = source.token().await
        {
            headers.insert(AUTHORIZATION, token.authorization());
        }
        if let Some(hook) = &self.header_hook {
            hook(headers);
        }
    }
}

impl ClientHooks<Transport> for Client {
    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        #[cfg(feature = "tracing")]
        let span = crate::trace::span(info.operation_id, &request);
        let exchange = self.exchange(request, info.operation_id);
        #[cfg(feature = "tracing")]
        let exchange = tracing::Instrument::instrument(exchange, span);
        exchange.await
    }
}

impl Client {
    /// Sends a request, and again as long as it fails and the policy allows it.
    async fn exchange(&self, mut request: Request, operation_id: &str) -> reqwest::Result<Response> {
        // A second request with `If-Match` gets 412 if the first one was processed, so the caller would mistake its own
        // change for one of another caller. With an `Idempotency-Key`, it gets the response to the first one.
        let has_key = request.headers().contains_key(idempotency_key::HEADER);
        let has_precondition = request.headers().contains_key(IF_MATCH);
        let is_idempotent =
            Operation::from_id(operation_id).is_some_and(Operation::is_idempotent) && (has_key || !has_precondition);
        let mut retries = self.inner.retry.start(is_idempotent);
        #[cfg(feature = "tracing")]
        let mut attempts = 0..;
        loop {
            let copy = request.try_clone();
            // Set for each attempt, because a token may have expired since the last one.
            self.inner.set_headers(request.headers_mut()).await;
            let outcome = self.client.execute(request).await;
            #[cfg(feature = "tracing")]
            crate::trace::record(attempts.next().unwrap_or_default(), &outcome);
            let (Some(copy), Some(delay)) = (copy, retries.next_delay(&outcome)) else {
                return outcome;
            };
            #[cfg(feature = "tracing")]
            tracing::debug!(
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                "retrying"
            );
            // Dropping the unread response releases its connection.
            drop(outcome);
            tokio::time::sleep(delay).await;
            request = copy;
        }
    }
}
