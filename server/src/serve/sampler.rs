//! Samples the state of the service for its metrics.

use crate::api_key_hash::HashCounts;
use crate::domain::Registry;
use crate::draining::Draining;
use crate::records::{ConnectionCounts, PageReadCounts};
use crate::store::Store;
use crate::telemetry::metrics::{ConnectionSample, HasherSample, MetricsSource, PageReadSample, Sample};
use crate::telemetry::traces::SpanCounts;
use std::sync::Arc;

/// The parts of the service that metrics are sampled from.
pub(super) struct Sampler<S> {
    pub(super) registry: Arc<Registry<S>>,
    pub(super) draining: Draining,
    pub(super) spans: Option<Arc<SpanCounts>>,
}

impl<S: Store> MetricsSource for Sampler<S> {
    fn sample(&self) -> Sample {
        Sample {
            hasher: hasher(self.registry.hash_counts()),
            connections: self.registry.connections().into_iter().map(connections).collect(),
            lease_left: self.registry.lease_left(),
            page_reads: self.registry.page_reads().map(page_reads),
            spans: self.spans.as_ref().map(|spans| spans.sample()),
            is_draining: self.draining.has_begun(),
        }
    }
}

fn hasher(counts: HashCounts) -> HasherSample {
    let HashCounts {
        computed,
        cache_hits,
        rejected,
        over_budget,
        waiting,
    } = counts;
    HasherSample {
        computed,
        cache_hits,
        rejected,
        over_budget,
        waiting,
    }
}

fn connections(connections: ConnectionCounts) -> ConnectionSample {
    let ConnectionCounts {
        pool,
        open,
        max,
        idle,
        waiting,
    } = connections;
    ConnectionSample {
        pool,
        open,
        max,
        idle,
        waiting,
    }
}

fn page_reads(reads: PageReadCounts) -> PageReadSample {
    let PageReadCounts {
        from_standby,
        from_primary,
        staleness,
        max_staleness,
    } = reads;
    PageReadSample {
        from_standby,
        from_primary,
        staleness,
        max_staleness,
    }
}
