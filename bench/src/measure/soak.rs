//! A soak: many callers append single events, and each minute is measured by itself.

use std::time::Duration;

use test_support::postgres::Cluster;

use super::Bench;
use crate::arguments::Arguments;
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::closed;
use crate::operations;

/// The number of callers.
pub(crate) const CALLERS: usize = 256;

const MINUTE: Duration = Duration::from_secs(60);

/// The appends of a minute. Latencies are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minute {
    /// Events a second.
    pub(crate) rate: f64,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) slowest: Option<f64>,
    /// Responses that were not as expected.
    pub(crate) failed: u64,
}

/// Appends at least this many events.
pub(crate) async fn soak(
    arguments: &Arguments,
    cluster: &Cluster,
    data_set: &DataSet,
    events: u64,
) -> Result<Vec<Minute>, Error> {
    let service = Bench::new(arguments, cluster).start(data_set).await?;
    let (mut minutes, mut appended) = (Vec::new(), 0);
    while appended < events {
        let round = closed(service.address, &operations::append().operation, CALLERS, MINUTE).await?;
        appended += round.responses.good();
        eprintln!("{appended} of {events}");
        minutes.push(Minute {
            rate: round.rate(),
            p50: round.responses.latency(0.5),
            p99: round.responses.latency(0.99),
            slowest: round.responses.latency(1.0),
            failed: round.responses.failed,
        });
    }
    Ok(minutes)
}
