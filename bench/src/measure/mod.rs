//! The measurements and their order.

mod first_verify;
mod flood;
mod latency;
mod row;
mod same_responses;
mod soak;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use test_support::postgres::Cluster;

use crate::arguments::{Arguments, SharedOperation};
use crate::data_set::{self, DataSet};
use crate::error::Error;
use crate::load::{closed, each_once};
use crate::operations::{self, Case};
use crate::service::ServiceProcess;

pub(crate) use first_verify::FirstVerify;
pub(crate) use flood::{Flooded, SHARE as FLOOD_SHARE};
pub(crate) use latency::Latencies;
use row::CALLERS;
pub(crate) use row::{Latency, OPEN_SHARE, Rates, Row};
pub(crate) use soak::{CALLERS as SOAK_CALLERS, Minute, soak};

/// The maximum time of a warm-up.
const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// The results of a run.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) first_verify: FirstVerify,
    /// The peak memory of the service during a flood, in MiB.
    pub(crate) peak_memory: f64,
    pub(crate) flooded: Flooded,
    pub(crate) warm_verify: Row,
    pub(crate) append: Row,
    pub(crate) append_batch: Row,
    pub(crate) first_page: Row,
    /// Rows without a target for their rate.
    pub(crate) further: Vec<Row>,
    pub(crate) latencies: Latencies,
    /// The name of the page deep in the log.
    pub(crate) deep_page: String,
    /// Bytes on disk for each event, and for each event of the log as rivals have it.
    pub(crate) event_bytes: f64,
    pub(crate) plain_event_bytes: f64,
}

/// What all measurements share.
#[derive(Clone, Copy, Debug)]
struct Bench<'a> {
    cluster: &'a Cluster,
    service: &'a Path,
    by_hand: &'a Path,
    hash_permits: usize,
    duration: Duration,
    rounds: usize,
    is_quick: bool,
}

/// The service and its rival, on the same data set.
#[derive(Debug)]
struct Services {
    service: ServiceProcess,
    by_hand: ServiceProcess,
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a Arguments, cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            service: &arguments.service,
            by_hand: &arguments.by_hand,
            hash_permits: arguments.hash_permits(),
            duration: arguments.duration(),
            rounds: arguments.rounds(),
            is_quick: arguments.quick,
        }
    }
}

impl Bench<'_> {
    /// Starts a service on this data set and waits until it is ready.
    async fn start(&self, data_set: &DataSet) -> Result<ServiceProcess, Error> {
        let service = ServiceProcess::start(self.service, &data_set.url, self.hash_permits)?;
        closed(service.address, &operations::readiness(), 1, Duration::from_millis(100)).await?;
        Ok(service)
    }

    /// Starts the rival on this data set and waits until it is ready.
    async fn start_by_hand(&self, data_set: &DataSet) -> Result<ServiceProcess, Error> {
        let by_hand = ServiceProcess::start_by_hand(self.by_hand, &data_set.url)?;
        closed(by_hand.address, &operations::readiness(), 1, Duration::from_millis(100)).await?;
        Ok(by_hand)
    }

    /// Checks that the service and its rival respond the same, and verifies every key on both.
    async fn prepare(
        &self,
        services: &Services,
        data_set: &DataSet,
        operations: &[SharedOperation],
    ) -> Result<(), Error> {
        eprintln!("comparison of the responses");
        for operation in operations {
            self.require_same_responses(services, &case(*operation, data_set))
                .await?;
        }
        if operations.contains(&SharedOperation::Verify) {
            let right = operations::verify(&data_set.plaintexts);
            for service in [&services.service, &services.by_hand] {
                each_once(service.address, &right, CALLERS).await?;
            }
        }
        Ok(())
    }

    fn warm_up(&self) -> Duration {
        MAX_WARM_UP.min(self.duration)
    }
}

/// Measures everything.
pub(crate) async fn measure(
    arguments: &Arguments,
    cluster: &Cluster,
    large: &DataSet,
    small: &DataSet,
) -> Result<Results, Error> {
    let bench = Bench::new(arguments, cluster);
    let first_verify = bench.first_verify(large).await?;
    let (service, peak_memory) = bench.peak_memory(large).await?;
    let services = Services {
        service,
        by_hand: bench.start_by_hand(large).await?,
    };
    bench
        .prepare(&services, large, SharedOperation::value_variants())
        .await?;
    let service = &services.service;
    let cursor = deep_cursor(large).await?;
    let deep_page = operations::deep_page(large, cursor);
    let latencies = bench.latencies(service, &deep_page, small).await?;
    let warm_verify = bench.row(&services, large, &operations::warm_verify(large)).await?;
    let flooded = bench.flooded(service, large, &warm_verify).await?;
    let first_page = bench.row(&services, large, &operations::first_page()).await?;
    let deep_page_name = format!("page {}", operations::deep_page_number(large));
    let mut further = Vec::new();
    for case in [
        deep_page,
        operations::frequent_filter(),
        operations::rare_filter(),
        operations::tenant_get(),
    ] {
        further.push(bench.row(&services, large, &case).await?);
    }
    // Last, since it extends the log.
    let append = bench.row(&services, large, &operations::append()).await?;
    let append_batch = bench.row(&services, large, &operations::append_batch()).await?;
    Ok(Results {
        first_verify,
        peak_memory,
        flooded,
        warm_verify,
        append,
        append_batch,
        first_page,
        further,
        latencies,
        deep_page: deep_page_name,
        event_bytes: large.event_bytes,
        plain_event_bytes: large.plain_event_bytes,
    })
}

/// Measures only the rows of these operations.
pub(crate) async fn only(arguments: &Arguments, cluster: &Cluster, data_set: &DataSet) -> Result<Vec<Row>, Error> {
    let bench = Bench::new(arguments, cluster);
    let services = Services {
        service: bench.start(data_set).await?,
        by_hand: bench.start_by_hand(data_set).await?,
    };
    bench.prepare(&services, data_set, &arguments.only).await?;
    let mut rows = Vec::new();
    for operation in &arguments.only {
        rows.push(bench.row(&services, data_set, &case(*operation, data_set)).await?);
    }
    Ok(rows)
}

fn case(operation: SharedOperation, data_set: &DataSet) -> Case {
    match operation {
        SharedOperation::Verify => operations::warm_verify(data_set),
        SharedOperation::Append => operations::append(),
        SharedOperation::FirstPage => operations::first_page(),
        SharedOperation::TenantGet => operations::tenant_get(),
    }
}

/// The cursor of the page deep in the log.
async fn deep_cursor(data_set: &DataSet) -> Result<i64, Error> {
    let newer = i64::try_from(operations::newer_than_deep_page(data_set)).unwrap_or(i64::MAX);
    let row = data_set::connect(&data_set.url)
        .await?
        .query_one(
            "SELECT id FROM audit_log ORDER BY id DESC OFFSET $1::bigint - 1 LIMIT 1",
            &[&newer],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// The median; `None` if a round has no value.
fn median(values: Vec<Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect::<Option<_>>()?;
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn a_median_needs_a_value_in_each_round() {
        assert_eq!(median(vec![Some(3.0), Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(median(vec![Some(3.0), None, Some(2.0)]), None);
    }
}
