//! What a trace shows of the database: what was asked of it, by a fixed name. No statement, which would have nothing to add,
//! and no value.

use crate::telemetry::traces::span::inside;
use opentelemetry::trace::SpanKind;
use std::future::Future;
use std::pin::Pin;

/// Asks the database, under the eyes of whoever traces the request: connecting, waiting and repeating included.
pub(super) async fn in_span<T, E>(
    name: &'static str,
    work: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    // OpenTelemetry's semantic conventions for databases.
    let attributes = [("db.system.name", "postgresql"), ("db.operation.name", name)];
    inside(name, SpanKind::Client, &attributes, work).await
}
