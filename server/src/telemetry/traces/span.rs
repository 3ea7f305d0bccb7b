//! The span of an operation, and the spans below it.

use crate::telemetry::redaction::redact;
use http::StatusCode;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use std::future::Future;
use std::pin::Pin;
use tenant_registry_contract::http::{ObservedRequest, path_of};
use tracing::field::{DisplayValue, display};

/// Starts the span of an operation as a child of the caller's span. Returns a context for child spans. The attributes
/// follow OpenTelemetry's semantic conventions for HTTP servers, plus `request.id`. The query and the headers are left out,
/// because they are untrusted input.
pub(in crate::telemetry) fn begin(
    tracer: &SdkTracer,
    operation: &'static str,
    request: &ObservedRequest<'_>,
    caller: &Context,
) -> Context {
    let mut attributes = vec![
        KeyValue::new("http.request.method", request.head.method().as_str().to_owned()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("url.path", redact(request.head.uri().path()).into_owned()),
        KeyValue::new("request.id", request.id.to_owned()),
    ];
    attributes.extend(path_of(operation).map(|path| KeyValue::new("http.route", path)));
    let builder = SpanBuilder::from_name(operation)
        .with_kind(SpanKind::Server)
        .with_attributes(attributes);
    let span = tracer.build_with_context(builder, caller);
    caller.with_value(tracer.clone()).with_span(span)
}

/// Ends the span of an operation. A server error marks the span as failed.
pub(in crate::telemetry) fn end(context: &Context, status: StatusCode) {
    let span = context.span();
    if span.is_recording() {
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
    }
    span.end();
}

/// Runs work in a child span of the current span, if the request is traced. A failure marks the span as failed, without
/// the error message, which is only for the log. The caller pins the work, because passing a large future by value copies
/// it.
pub(crate) async fn inside<T, E>(
    name: &'static str,
    kind: SpanKind,
    attributes: &[(&'static str, &'static str)],
    work: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    let below = Context::map_current(|current| below(current, name, kind, attributes));
    let context = below.clone().unwrap_or_else(Context::current);
    let result = work.with_context(context).await;
    if let (Some(context), Err(_)) = (&below, &result) {
        context.span().set_status(Status::error(""));
    }
    result
}

fn below(
    current: &Context,
    name: &'static str,
    kind: SpanKind,
    attributes: &[(&'static str, &'static str)],
) -> Option<Context> {
    let tracer = current.get::<SdkTracer>().filter(|_| current.span().is_recording())?;
    let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
    let builder = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes);
    Some(current.with_span(tracer.build_with_context(builder, current)))
}

/// The id of the current trace, for a log event.
pub(crate) fn trace_id() -> Option<DisplayValue<TraceId>> {
    Context::map_current(trace_id_of)
}

/// The id of the trace in a context, for a log event.
pub(in crate::telemetry) fn trace_id_of(context: &Context) -> Option<DisplayValue<TraceId>> {
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| display(span.trace_id()))
}
