//! Exports spans and counts them.
//!
//! Spans are lost while the collector is unavailable. The log has one line when an outage begins and one when it ends.

use crate::telemetry::metrics::SpanSample;
use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tracing::{info, warn};

/// The maximum number of spans that wait for export, about 8 MiB.
pub(super) const QUEUE: usize = 8_192;

/// Counts what happened to spans since the start.
#[derive(Debug, Default)]
pub struct SpanCounts {
    waiting: AtomicUsize,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl SpanCounts {
    /// Returns the current counts.
    pub(crate) fn sample(&self) -> SpanSample {
        SpanSample {
            exported: self.exported.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

/// Drops and counts spans when the queue is full. The processor behind it would drop them without counting.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    batches: BatchSpanProcessor,
    counts: Arc<SpanCounts>,
}

impl BoundedProcessor {
    /// Wraps a processor whose queue holds [`QUEUE`] spans.
    pub(super) fn new(batches: BatchSpanProcessor, counts: Arc<SpanCounts>) -> Self {
        Self { batches, counts }
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.batches.on_end(span);
        } else {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts the spans that the collector accepts.
#[derive(Debug)]
pub(super) struct CountingExporter {
    exporter: OtlpExporter,
    counts: Arc<SpanCounts>,
    is_collector_down: AtomicBool,
}

impl CountingExporter {
    pub(super) fn new(exporter: OtlpExporter, counts: Arc<SpanCounts>) -> Self {
        Self {
            exporter,
            counts,
            is_collector_down: AtomicBool::new(false),
        }
    }
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
        let result = self.exporter.export(batch).await;
        let was_down = self.is_collector_down.swap(result.is_err(), Ordering::Relaxed);
        let counted = match &result {
            Ok(()) => &self.counts.exported,
            Err(_) => &self.counts.failed,
        };
        // The size of a batch fits into 64 bits.
        counted.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        match &result {
            Ok(()) if was_down => info!("the collector accepts spans again"),
            Err(error) if !was_down => warn!("the collector accepts no spans; they are lost until it does: {error}"),
            Ok(()) | Err(_) => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
