//! Counts, traces and logs each request that reaches a route.

use super::metrics::Metrics;
use super::redaction::redact;
use super::traces::{incoming, span};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracer;
use tenant_registry_contract::http::{ObservedAnswer, ObservedRequest, Observer};
use tracing::info;

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
    fn came(&self, request: &ObservedRequest<'_>) -> Context {
        let caller = incoming(request.head.headers());
        match (&self.tracer, request.operation) {
            (Some(tracer), Some(operation)) => span::begin(tracer, operation, request, &caller),
            (Some(_) | None, _) => caller,
        }
    }

    fn answered(&self, request: &ObservedRequest<'_>, context: &Context, answer: &ObservedAnswer<'_>) {
        if let Some(operation) = request.operation {
            self.metrics.responded(operation, answer.status, answer.latency);
            span::end(context, answer.status);
        }
        write_line(request, context, answer);
    }
}

fn write_line(request: &ObservedRequest<'_>, context: &Context, answer: &ObservedAnswer<'_>) {
    let ObservedRequest { operation, id, head } = request;
    let ObservedAnswer { status, latency, fault } = answer;
    info!(
        request_id = id,
        trace_id = span::trace_id_of(context),
        operation,
        method = head.method().as_str(),
        uri = &*redact(&head.uri().to_string()),
        status = status.as_u16(),
        latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
        peer = %head.remote_addr(),
        cause = fault.map(redact).as_deref(),
        "request completed"
    );
}
