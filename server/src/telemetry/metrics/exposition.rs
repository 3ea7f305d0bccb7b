//! The text of all metrics, in the format that Prometheus reads.

use super::{ConnectionSample, HasherSample, Metrics, MetricsSource, PageReadSample, Sample, SpanSample};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;

/// The prefix of every metric's name.
const PREFIX: &str = "tenant_registry";

/// All metrics of the service.
pub struct Exposition(Registry);

impl fmt::Debug for Exposition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exposition")
    }
}

impl Exposition {
    /// Combines the counters with values that are sampled each time.
    pub fn new(metrics: &Metrics, source: impl MetricsSource) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the service", build);
        registry.register("requests", "Responses sent", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from the start of the handler to the response",
            Unit::Seconds,
            metrics.latencies.clone(),
        );
        registry.register(
            "api_key_verifications",
            "API keys verified, by outcome",
            metrics.verifications.clone(),
        );
        registry.register(
            "failures",
            "Operations that failed, by kind: unavailable (store or hasher), commit outcome unknown, or internal error",
            metrics.failures.clone(),
        );
        registry.register_collector(Box::new(SampleCollector(source)));
        Self(registry)
    }

    /// Formats the metrics as text (OpenMetrics 1.0).
    ///
    /// # Errors
    /// Fails if a metric cannot be formatted, which is a bug.
    pub fn to_text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

struct SampleCollector<T>(T);

impl<T> fmt::Debug for SampleCollector<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SampleCollector")
    }
}

impl<T: MetricsSource> Collector for SampleCollector<T> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut write = |name: &str, help: &str, metric: &dyn Encode| metric.encode(name, help, &mut encoder);
        let Sample {
            hasher,
            connections,
            lease_left,
            page_reads,
            spans,
            is_draining,
        } = self.0.sample();
        let HasherSample {
            computed,
            cache_hits,
            rejected,
            over_budget,
            waiting,
        } = hasher;
        write("hashes", "Hashes of API keys computed", &counter(computed))?;
        write(
            "hashes_remembered",
            "API keys verified from the cache, without a hash",
            &counter(cache_hits),
        )?;
        write(
            "hashes_refused",
            "Callers rejected because the hash queue was full",
            &counter(rejected),
        )?;
        write(
            "hashes_over_budget",
            "Callers rejected because keys of the same prefix were hashed too often",
            &counter(over_budget),
        )?;
        write(
            "hash_queue_length",
            "Callers that wait for a hash, or whose hash is running",
            &gauge(waiting),
        )?;
        write(
            "database_connections",
            "Open connections of a database pool",
            &PerPool::new(&connections, |pool| pool.open),
        )?;
        write(
            "database_connections_max",
            "Maximum number of open connections of a database pool",
            &PerPool::new(&connections, |pool| pool.max),
        )?;
        write(
            "database_connections_idle",
            "Open connections of a database pool that are not in use",
            &PerPool::new(&connections, |pool| pool.idle),
        )?;
        write(
            "database_connections_waiting",
            "Requests that wait for a connection of a database pool",
            &PerPool::new(&connections, |pool| pool.waiting),
        )?;
        if let Some(left) = lease_left {
            write(
                "database_lease_seconds",
                "Seconds for which the database host is confirmed as the primary by etcd; 0 while requests get 503",
                &ConstGauge::new(left.as_secs_f64()),
            )?;
        }
        if let Some(PageReadSample {
            from_standby,
            from_primary,
            staleness,
            max_staleness,
        }) = page_reads
        {
            write(
                "database_standby_page_reads",
                "Statements for pages of lists that ran on a standby",
                &counter(from_standby),
            )?;
            write(
                "database_primary_page_reads",
                "Statements for pages of lists that ran on the primary",
                &counter(from_primary),
            )?;
            write(
                "database_standby_staleness_seconds",
                "Age of the newest data that a standby is known to have",
                &ConstGauge::new(staleness.as_secs_f64()),
            )?;
            write(
                "database_standby_staleness_max_seconds",
                "Age up to which a standby is used",
                &ConstGauge::new(max_staleness.as_secs_f64()),
            )?;
        }
        if let Some(SpanSample {
            exported,
            failed,
            dropped,
        }) = spans
        {
            write(
                "spans_exported",
                "Trace spans that the collector accepted",
                &counter(exported),
            )?;
            write(
                "spans_failed",
                "Trace spans that the collector did not accept",
                &counter(failed),
            )?;
            write(
                "spans_dropped",
                "Trace spans dropped because the export queue was full",
                &counter(dropped),
            )?;
        }
        write(
            "draining",
            "1 while the service is about to stop, else 0",
            &ConstGauge::new(u64::from(is_draining)),
        )
    }
}

/// A number for each database pool.
struct PerPool<'a> {
    pools: &'a [ConnectionSample],
    count: fn(&ConnectionSample) -> usize,
}

impl<'a> PerPool<'a> {
    fn new(pools: &'a [ConnectionSample], count: fn(&ConnectionSample) -> usize) -> Self {
        Self { pools, count }
    }
}

impl EncodeMetric for PerPool<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for pool in self.pools {
            let count = gauge((self.count)(pool));
            EncodeMetric::encode(&count, encoder.encode_family(&[("pool", pool.pool)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

/// A metric of which each scrape has the current value.
trait Encode {
    fn encode(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error>;
}

impl<M: EncodeMetric> Encode for M {
    fn encode(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeMetric::encode(self, encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

fn counter(count: u64) -> ConstCounter<u64> {
    ConstCounter::new(count)
}

fn gauge(count: usize) -> ConstGauge<u64> {
    // A count in memory fits into 64 bits.
    ConstGauge::new(u64::try_from(count).unwrap_or(u64::MAX))
}
