//! Values that other parts of the service supply each time metrics are read.

use std::time::Duration;

/// Supplies current values each time metrics are read.
pub trait MetricsSource: Send + Sync + 'static {
    /// Returns the current values.
    fn sample(&self) -> Sample;
}

/// The current values.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What the hasher of API keys has done.
    pub hasher: HasherSample,
    /// The store's connection pools. The in-memory store has none.
    pub connections: Vec<ConnectionSample>,
    /// How long the store may still use the primary of its database, if that is limited.
    pub lease_left: Option<Duration>,
    /// Where pages of lists were read, if standbys may be used.
    pub page_reads: Option<PageReadSample>,
    /// What happened to trace spans, if traces are exported.
    pub spans: Option<SpanSample>,
    /// Whether the service is about to stop.
    pub is_draining: bool,
}

/// What the hasher of API keys has done since the start.
#[derive(Clone, Copy, Debug)]
pub struct HasherSample {
    /// Hashes that were computed.
    pub computed: u64,
    /// Checks that were cache hits.
    pub cache_hits: u64,
    /// Callers that were rejected because the queue was full.
    pub rejected: u64,
    /// Callers that were rejected because the prefix of their key was over budget.
    pub over_budget: u64,
    /// Callers that wait for a hash, or whose hash is running, right now.
    pub waiting: usize,
}

/// The connections of one pool.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionSample {
    /// The name of the pool.
    pub pool: &'static str,
    /// Open connections.
    pub open: usize,
    /// The maximum number of open connections.
    pub max: usize,
    /// Open connections that are not in use.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}

/// Where pages of lists were read since the start.
#[derive(Clone, Copy, Debug)]
pub struct PageReadSample {
    /// Statements that ran on a standby.
    pub from_standby: u64,
    /// Statements that ran on the primary.
    pub from_primary: u64,
    /// The age of the newest data that a standby is known to have.
    pub staleness: Duration,
    /// The age up to which a standby is used.
    pub max_staleness: Duration,
}

/// What happened to trace spans since the start.
#[derive(Clone, Copy, Debug)]
pub struct SpanSample {
    /// Spans that the collector accepted.
    pub exported: u64,
    /// Spans that the collector did not accept.
    pub failed: u64,
    /// Spans that were dropped because the queue was full.
    pub dropped: u64,
}
