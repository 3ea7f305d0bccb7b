//! The metrics of the service.
//!
//! Every label has a small, fixed set of values. No label contains a tenant, a key, a path or an address.

mod exposition;
mod sample;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;

pub use exposition::Exposition;
pub use sample::{ConnectionSample, HasherSample, MetricsSource, PageReadSample, Sample, SpanSample};

/// The buckets of latencies, in seconds: from less than a lookup takes to the longest time that a request may wait.
const LATENCY_BUCKETS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

type Latencies = Family<LatencyLabels, Histogram, fn() -> Histogram>;

/// The counters of one service. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    latencies: Latencies,
    verifications: Family<VerificationLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct LatencyLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct VerificationLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct FailureLabels {
    operation: &'static str,
    kind: &'static str,
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
    /// Counts the verification of a key. The outcome is `valid`, or the reason that the spec names.
    pub fn verified(&self, outcome: &'static str) {
        self.verifications.get_or_create(&VerificationLabels { outcome }).inc();
    }

    /// Counts an operation that failed.
    pub fn failed(&self, operation: &'static str, kind: &'static str) {
        self.failures.get_or_create(&FailureLabels { operation, kind }).inc();
    }

    /// Counts a response, and the time from the start of the handler to the response.
    pub(super) fn responded(&self, operation: &'static str, status: StatusCode, latency: Duration) {
        let status = status.as_u16();
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        let latencies = self.latencies.get_or_create(&LatencyLabels { operation });
        latencies.observe(latency.as_secs_f64());
    }
}
