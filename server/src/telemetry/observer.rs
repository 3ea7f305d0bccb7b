//! Logs each request. Counts and traces those for operations.

use super::metrics::Metrics;
use super::redaction::redact;
use super::traces::{incoming, span};
use http::StatusCode;
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracer;
use tenant_registry_contract::http::{ObservedRequest, ObservedResponse, Observer};
use tracing::{debug, info};

/// Observes the requests of one service. Its listeners share the metrics and the tracer through clones.
#[derive(Clone, Debug)]
pub struct RequestObserver {
    metrics: Metrics,
    tracer: Option<SdkTracer>,
}

impl RequestObserver {
    /// Creates an observer that counts in `metrics`, and starts a span for each request if there is a tracer.
    pub(crate) fn new(metrics: Metrics, tracer: Option<SdkTracer>) -> Self {
        Self { metrics, tracer }
    }
}

impl Observer for RequestObserver {
    fn on_request(&self, request: &ObservedRequest<'_>) -> Context {
        let caller = incoming(request.head.headers());
        match (&self.tracer, request.operation) {
            (Some(tracer), Some(operation)) => span::begin(tracer, operation, request, &caller),
            (Some(_) | None, _) => caller,
        }
    }

    fn on_response(&self, request: &ObservedRequest<'_>, context: &Context, response: &ObservedResponse<'_>) {
        if let Some(operation) = request.operation {
            self.metrics.responded(operation, response.status, response.latency);
            span::end(context, response.status);
            write_outcome(operation, request.id, context, response.status);
        }
        write_line(request, context, response);
    }
}

fn write_outcome(operation: &str, request_id: &str, context: &Context, status: StatusCode) {
    let outcome = if status.is_server_error() {
        "failed"
    } else if status.is_client_error() {
        "rejected"
    } else {
        "done"
    };
    debug!(
        operation,
        request_id,
        trace_id = span::trace_id_of(context),
        outcome,
        "operation completed"
    );
}

fn write_line(request: &ObservedRequest<'_>, context: &Context, response: &ObservedResponse<'_>) {
    let ObservedRequest { operation, id, head } = request;
    let ObservedResponse { status, latency, fault } = response;
    info!(
        request_id = id,
        trace_id = span::trace_id_of(context),
        operation,
        method = &*redact(head.method().as_str()),
        uri = &*redact(&head.uri().to_string()),
        status = status.as_u16(),
        latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
        peer = %head.remote_addr(),
        cause = fault.map(redact).as_deref(),
        "request completed"
    );
}
