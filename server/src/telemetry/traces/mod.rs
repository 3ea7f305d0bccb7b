//! Traces: a span for each operation, and one for each thing below it that takes time, exported to an OpenTelemetry
//! collector over OTLP.
//!
//! Spans are made with OpenTelemetry's own API, and nothing is global: the tracer of a request is in the context that its
//! work runs in (`span`), so that without a collector there is none, and nothing to pay.

mod export;
mod incoming;
pub(crate) mod span;

pub use export::SpanCounts;
pub(super) use incoming::incoming;

use export::{BoundedProcessor, CountingExporter, QUEUE};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tracing::warn;
use url::Url;

/// What the spans are said to come from (instrumentation scope).
const SCOPE: &str = env!("CARGO_PKG_NAME");

/// Spans of one request to the collector.
const BATCH: usize = 512;

/// How long a span waits for others before it is sent.
const DELAY: Duration = Duration::from_secs(1);

/// How long one request to the collector may take, repetitions included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go, and how many.
#[derive(Clone)]
pub struct TraceSettings {
    /// The collector's address for spans.
    pub endpoint: Url,
    /// What each request to the collector carries: secrets.
    pub headers: HashMap<String, String>,
    /// What the spans say that they come from (`service.name`).
    pub service_name: String,
    /// How many of the traces that begin here are kept, from 0 to 1. Who passes on a trace has decided already.
    pub ratio: f64,
}

impl fmt::Debug for TraceSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TraceSettings")
            .field("endpoint", &self.endpoint.as_str())
            .field("service_name", &self.service_name)
            .field("ratio", &self.ratio)
            .finish_non_exhaustive()
    }
}

/// Makes spans, and exports them on a thread of its own.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    counts: Arc<SpanCounts>,
}

impl Traces {
    /// Begins to export; whether anybody is there to take the spans shows later.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn start(settings: TraceSettings) -> Result<Self, ExporterBuildError> {
        let TraceSettings {
            endpoint,
            headers,
            service_name,
            ratio,
        } = settings;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_headers(headers)
            .with_timeout(EXPORT_TIMEOUT)
            .with_retry_policy(RetryPolicy::recommended())
            .build()?;
        let counts = Arc::new(SpanCounts::default());
        let batches = BatchSpanProcessor::builder(CountingExporter::new(exporter, Arc::clone(&counts)))
            .with_batch_config(
                BatchConfigBuilder::default()
                    .with_max_queue_size(QUEUE)
                    .with_max_export_batch_size(BATCH)
                    .with_scheduled_delay(DELAY)
                    .build(),
            )
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BoundedProcessor::new(batches, Arc::clone(&counts)))
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .with_resource(Resource::builder().with_service_name(service_name).build())
            .build();
        Ok(Self { provider, counts })
    }

    /// What begins the spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer(SCOPE)
    }

    /// What became of the spans.
    pub(crate) fn counts(&self) -> Arc<SpanCounts> {
        Arc::clone(&self.counts)
    }

    /// Exports what waits, within a time.
    pub(crate) async fn shutdown(self, limit: Duration) {
        let ended = spawn_blocking(move || self.provider.shutdown_with_timeout(limit)).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("the last spans were not exported: {error}"),
            Err(error) => warn!("the last spans were not exported: {error}"),
        }
    }
}
