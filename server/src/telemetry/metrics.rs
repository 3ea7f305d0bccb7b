//! What the service counts, in the words of Prometheus. Every label has few values, known beforehand: none of them is a
//! tenant, a key, a path or an address.

use crate::api_key_hash::HashCounts;
use crate::records::ConnectionCounts;
use crate::telemetry::traces::SpanCounts;
use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// Goes before the name of every metric.
const PREFIX: &str = "tenant_registry";

/// Bounds of latencies, in seconds: from below a look-up to the longest that a request may wait.
const LATENCY_BUCKETS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

type Latencies = Family<OfOperation, Histogram, fn() -> Histogram>;

/// The counts of one service.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    latencies: Latencies,
    verifications: Family<Verified, Counter>,
    failures: Family<Failed, Counter>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct OfOperation {
    operation: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Verified {
    outcome: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Failed {
    operation: &'static str,
    kind: &'static str,
}

/// What is asked for at each scrape.
pub trait Observed: Send + Sync + 'static {
    /// What the hasher did.
    fn hash_counts(&self) -> HashCounts;
    /// The store's connections; none where it needs none.
    fn connections(&self) -> Option<ConnectionCounts>;
    /// What became of the spans of traces; none where nothing is traced.
    fn span_counts(&self) -> Option<&SpanCounts>;
    /// Is the service about to stop?
    fn is_draining(&self) -> bool;
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            latencies: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            verifications: Family::default(),
            failures: Family::default(),
        }
    }
}

impl Metrics {
    /// A key was presented, and this is what was found out: `valid`, or the reason of the spec.
    pub fn verified(&self, outcome: &'static str) {
        self.verifications.get_or_create(&Verified { outcome }).inc();
    }

    /// An operation could not do its work.
    pub fn failed(&self, operation: &'static str, kind: &'static str) {
        self.failures.get_or_create(&Failed { operation, kind }).inc();
    }

    /// An operation was answered, so long after its handler began.
    pub(super) fn answered(&self, operation: &'static str, status: StatusCode, latency: Duration) {
        let status = status.as_u16();
        self.requests.get_or_create(&Answered { operation, status }).inc();
        let latencies = self.latencies.get_or_create(&OfOperation { operation });
        latencies.observe(latency.as_secs_f64());
    }
}

/// All that is scraped.
pub struct Exposition(Registry);

impl fmt::Debug for Exposition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exposition")
    }
}

impl Exposition {
    /// Of these counts, and of what is asked for anew each time.
    pub fn new(metrics: &Metrics, observed: impl Observed) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from the handler's start to its answer",
            Unit::Seconds,
            metrics.latencies.clone(),
        );
        registry.register(
            "api_key_verifications",
            "Keys that were presented, by what was found out",
            metrics.verifications.clone(),
        );
        registry.register(
            "failures",
            "Operations that could not do their work, by whether the store or hasher had no room, a commit was lost, or \
             something broke",
            metrics.failures.clone(),
        );
        registry.register_collector(Box::new(AskedFor(observed)));
        Self(registry)
    }

    /// The text format of OpenMetrics 1.0.
    ///
    /// # Errors
    /// When a metric cannot be written: a fault of ours.
    pub fn to_text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

struct AskedFor<T>(T);

impl<T> fmt::Debug for AskedFor<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AskedFor")
    }
}

impl<T: Observed> Collector for AskedFor<T> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut write = |name: &str, help: &str, metric: &dyn Written| metric.write(name, help, &mut encoder);
        let HashCounts {
            hashed,
            remembered,
            refused,
            over_budget,
            waiting,
        } = self.0.hash_counts();
        write("hashes", "Hashes of API keys that were computed", &counter(hashed))?;
        write(
            "hashes_remembered",
            "Keys whose hash was remembered to match",
            &counter(remembered),
        )?;
        write(
            "hashes_refused",
            "Callers that found no room in the queue of the hasher",
            &counter(refused),
        )?;
        write(
            "hashes_over_budget",
            "Callers that presented a key of a prefix that was tried too often",
            &counter(over_budget),
        )?;
        write(
            "hash_queue_length",
            "Callers that wait for a hash, or whose hash runs",
            &gauge(waiting),
        )?;
        if let Some(ConnectionCounts {
            open,
            max,
            idle,
            waiting,
        }) = self.0.connections()
        {
            write("database_connections", "Connections of the pool", &gauge(open))?;
            write(
                "database_connections_most",
                "Connections that the pool may have",
                &gauge(max),
            )?;
            write("database_connections_idle", "Connections that nobody has", &gauge(idle))?;
            write(
                "database_connections_waiting",
                "Requests that wait for a connection",
                &gauge(waiting),
            )?;
        }
        if let Some(spans) = self.0.span_counts() {
            write(
                "spans_exported",
                "Spans that the collector took",
                &counter(spans.exported()),
            )?;
            write(
                "spans_failed",
                "Spans that the collector did not take",
                &counter(spans.failed()),
            )?;
            write(
                "spans_dropped",
                "Spans that found no room to wait for the collector",
                &counter(spans.dropped()),
            )?;
        }
        let draining = u64::from(self.0.is_draining());
        write(
            "draining",
            "1 when the service is about to stop",
            &ConstGauge::new(draining),
        )
    }
}

/// A metric without labels.
trait Written {
    fn write(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error>;
}

impl<M: EncodeMetric> Written for M {
    fn write(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

fn counter(count: u64) -> ConstCounter<u64> {
    ConstCounter::new(count)
}

fn gauge(count: usize) -> ConstGauge<u64> {
    // A count in memory fits.
    ConstGauge::new(u64::try_from(count).unwrap_or(u64::MAX))
}
