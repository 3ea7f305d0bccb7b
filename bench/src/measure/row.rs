//! One row of the table: an operation over HTTP, and the same SQL with pgbench.

use super::{Bench, median};
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::{Open, closed, open};
use crate::operations::Case;
use crate::pgbench;
use crate::service::ServiceProcess;

/// The number of callers in the comparison of service and database.
pub(super) const CALLERS: usize = pgbench::CLIENTS;

const MANY_CALLERS: usize = 256;

/// The rate of the open loop, relative to that of the closed loop.
pub(crate) const OPEN_SHARE: f64 = 0.6;

/// The figures of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Successful responses per second, for one caller and for many.
    pub(crate) one_caller: Option<f64>,
    pub(crate) many_callers: Option<f64>,
    /// The same with as many callers as pgbench has clients.
    pub(crate) rate: f64,
    /// Transactions per second of pgbench; `None` if there is no comparison or it took too long.
    pub(crate) database: Option<f64>,
    /// Processor time of the service for a request, in milliseconds.
    pub(crate) processor: Option<f64>,
    /// Responses that were not good, in all that was asked.
    pub(crate) failed: u64,
    /// Latencies at a fixed rate.
    pub(crate) paced: Latency,
}

/// Latencies in milliseconds; `None` without a successful response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// Requests per second; `None` in a closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) p999: Option<f64>,
}

impl Row {
    /// The rate over HTTP relative to that of pgbench.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.database.map(|database| self.rate / database)
    }
}

impl From<&Open> for Latency {
    fn from(open: &Open) -> Self {
        let Open { responses, rate } = open;
        Self {
            rate: Some(*rate),
            p50: responses.latency(0.5),
            p99: responses.latency(0.99),
            p999: responses.latency(0.999),
        }
    }
}

impl Bench<'_> {
    pub(super) async fn row(&self, service: &ServiceProcess, data_set: &DataSet, case: &Case) -> Result<Row, Error> {
        let Case {
            name,
            operation,
            script,
        } = case;
        eprintln!("{name}");
        let transactions =
            |duration| pgbench::transactions_per_second(self.cluster, &data_set.database, script, duration);
        closed(service.address, operation, CALLERS, self.warm_up()).await?;
        transactions(self.warm_up())?;
        let (mut rates, mut databases, mut processors) = (Vec::new(), Vec::new(), Vec::new());
        let mut failed = 0;
        for _ in 0..self.rounds {
            let before = service.processor_time()?;
            let round = closed(service.address, operation, CALLERS, self.duration).await?;
            let used = service.processor_time()? - before;
            rates.push(Some(round.rate()));
            processors.push(milliseconds_each(used, round.responses.all()));
            failed += round.responses.failed;
            databases.push(transactions(self.duration)?);
        }
        let rate = median(rates).unwrap_or_default();
        let one_caller = closed(service.address, operation, 1, self.duration).await?;
        let many_callers = closed(service.address, operation, MANY_CALLERS, self.duration).await?;
        let paced = open(service.address, operation, OPEN_SHARE * rate, self.duration).await?;
        failed += one_caller.responses.failed + many_callers.responses.failed + paced.responses.failed;
        Ok(Row {
            name: name.clone(),
            one_caller: Some(one_caller.rate()),
            many_callers: Some(many_callers.rate()),
            rate,
            database: median(databases),
            processor: median(processors),
            failed,
            paced: Latency::from(&paced),
        })
    }
}

/// Milliseconds for each request.
#[expect(clippy::cast_precision_loss, reason = "as many requests take centuries")]
pub(super) fn milliseconds_each(time: std::time::Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| time.as_secs_f64() * 1000.0 / count as f64)
}
