//! Trace spans of database calls. A span has a fixed name and shows neither the statement nor its values.

use crate::telemetry::traces::span::inside;
use opentelemetry::trace::SpanKind;
use std::future::Future;
use std::pin::Pin;

/// Runs a database call in a span of the current trace, if there is one. The span includes connecting, waiting and
/// retries.
pub(super) async fn in_span<T, E>(
    name: &'static str,
    work: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    // OpenTelemetry's semantic conventions for databases.
    let attributes = [("db.system.name", "postgresql"), ("db.operation.name", name)];
    inside(name, SpanKind::Client, &attributes, work).await
}
