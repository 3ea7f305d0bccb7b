//! Traces: a span for each operation and for each slow step within it, exported to an OpenTelemetry collector over OTLP.
//!
//! There is no global tracer. The tracer of a request is in the context that its work runs in (`span`). Without a collector
//! there is no tracer, and tracing costs nothing.

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

/// The instrumentation scope of the spans.
const SCOPE: &str = env!("CARGO_PKG_NAME");

/// The maximum number of spans in one request to the collector.
const BATCH: usize = 512;

/// The time between two exports.
const DELAY: Duration = Duration::from_secs(1);

/// The time limit of one request to the collector, retries included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans are exported to, and which.
#[derive(Clone)]
pub struct TraceSettings {
    /// The collector's URL for spans.
    pub endpoint: Url,
    /// Headers of each request to the collector. They may contain secrets.
    pub headers: HashMap<String, String>,
    /// The `service.name` of the spans.
    pub service_name: String,
    /// The share of traces that are kept, from 0 to 1. A caller that sends a trace context decides for its traces.
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

/// Creates spans, and exports them on a background thread.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    counts: Arc<SpanCounts>,
}

impl Traces {
    /// Starts the export. A collector that cannot be reached is not an error.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
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

    /// The tracer that starts the spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer(SCOPE)
    }

    /// The counts of spans.
    pub(crate) fn counts(&self) -> Arc<SpanCounts> {
        Arc::clone(&self.counts)
    }

    /// Exports the pending spans, within a time limit.
    pub(crate) async fn shutdown(self, limit: Duration) {
        let ended = spawn_blocking(move || self.provider.shutdown_with_timeout(limit)).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("cannot export the last spans: {error}"),
            Err(error) => warn!("cannot export the last spans: {error}"),
        }
    }
}
