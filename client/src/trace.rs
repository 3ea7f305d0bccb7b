//! Traces requests, with the feature `tracing`. Spans contain no URL, because it has ids of tenants.

use reqwest::{Request, Response};
use tracing::{Span, field};

/// The span of a request, including its retries.
pub(crate) fn span(operation: &str, request: &Request) -> Span {
    tracing::info_span!(
        "tenant_registry",
        otel.name = operation,
        otel.kind = "client",
        http.request.method = request.method().as_str(),
        http.request.resend_count = field::Empty,
        http.response.status_code = field::Empty,
        error.type = field::Empty,
    )
}

/// Records the outcome of the last attempt in the current span.
pub(crate) fn record(retries: u32, outcome: &reqwest::Result<Response>) {
    let span = Span::current();
    if retries > 0 {
        span.record("http.request.resend_count", retries);
    }
    match outcome {
        Ok(response) => {
            span.record("http.response.status_code", response.status().as_u16());
        }
        Err(error) if error.is_timeout() => {
            span.record("error.type", "timeout");
        }
        Err(error) if error.is_connect() => {
            span.record("error.type", "connect");
        }
        Err(_) => {
            span.record("error.type", "request");
        }
    }
}
