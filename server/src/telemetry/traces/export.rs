//! What becomes of the spans, counted. A collector that is down costs the spans, and one line when it goes and one when it
//! is back.

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tracing::{info, warn};

/// Spans that wait to be exported, at most; some 8 MiB of them.
pub(super) const QUEUE: usize = 8_192;

/// What became of the spans since the start.
#[derive(Debug, Default)]
pub struct SpanCounts {
    waiting: AtomicUsize,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl SpanCounts {
    /// Those that the collector took.
    pub fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Those that it did not take.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Those that found no room to wait for it.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Drops the spans that find no room, before the processor behind it would: that one tells nobody how many.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    batches: BatchSpanProcessor,
    counts: Arc<SpanCounts>,
}

impl BoundedProcessor {
    /// In front of a processor with room for [`QUEUE`] spans.
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

/// Counts what the collector takes.
#[derive(Debug)]
pub(super) struct CountingExporter {
    exporter: OtlpExporter,
    counts: Arc<SpanCounts>,
    is_collector_lost: AtomicBool,
}

impl CountingExporter {
    pub(super) fn new(exporter: OtlpExporter, counts: Arc<SpanCounts>) -> Self {
        Self {
            exporter,
            counts,
            is_collector_lost: AtomicBool::new(false),
        }
    }
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
        let result = self.exporter.export(batch).await;
        let was_lost = self.is_collector_lost.swap(result.is_err(), Ordering::Relaxed);
        let counted = match &result {
            Ok(()) => &self.counts.exported,
            Err(_) => &self.counts.failed,
        };
        // A batch fits.
        counted.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        match &result {
            Ok(()) if was_lost => info!("the collector takes spans again"),
            Err(error) if !was_lost => warn!("the collector takes no spans, which are lost until it does: {error}"),
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
