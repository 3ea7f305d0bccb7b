//! One operation: the service, its rival and pgbench, round by round in turn, with each number of callers.

use std::time::Duration;

use super::{Bench, Services, median};
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::{Closed, Open, closed, open};
use crate::operations::Case;
use crate::pgbench;
use crate::service::ServiceProcess;

const ONE_CALLER: usize = 1;
pub(super) const CALLERS: usize = 32;
const MANY_CALLERS: usize = 256;

/// The rate of the open loop, relative to that of the closed loop.
pub(crate) const OPEN_SHARE: f64 = 0.6;

/// The figures of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) one_caller: Rates,
    /// With [`CALLERS`] callers.
    pub(crate) callers: Rates,
    pub(crate) many_callers: Rates,
    /// Latencies of the service at a fixed rate.
    pub(crate) paced: Latency,
}

/// Requests per second with a number of callers. pgbench has as many clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) callers: usize,
    pub(crate) service: Figures,
    /// `None` if the rival lacks the operation.
    pub(crate) by_hand: Option<Figures>,
    /// Transactions per second of pgbench with the same SQL; `None` if there is no comparison or it took too long.
    pub(crate) database: Option<f64>,
    /// The same with the SQL that is the limit.
    pub(crate) limit: Option<f64>,
}

/// The figures of the service, or of its rival. Medians of the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Successful responses per second.
    pub(crate) rate: f64,
    /// Processor time for a request, in milliseconds.
    pub(crate) processor: Option<f64>,
    /// Responses that were not as expected, in all rounds.
    pub(crate) failed: u64,
}

/// Latencies in milliseconds; `None` without a successful response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// Requests per second; `None` in a closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) p999: Option<f64>,
    /// Responses that were not as expected.
    pub(crate) failed: u64,
}

impl Rates {
    /// The rate of the service relative to this one.
    pub(crate) fn ratio_to(&self, other: Option<f64>) -> Option<f64> {
        other.map(|other| self.service.rate / other)
    }

    /// The rate of the rival.
    pub(crate) fn by_hand_rate(&self) -> Option<f64> {
        self.by_hand.map(|by_hand| by_hand.rate)
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
            failed: responses.failed,
        }
    }
}

/// The rounds of the service, or of its rival.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    rates: Vec<Option<f64>>,
    processors: Vec<Option<f64>>,
    failed: u64,
}

impl Rounds {
    /// Adds a round.
    pub(super) async fn add(
        &mut self,
        service: &ServiceProcess,
        round: impl Future<Output = Result<Closed, Error>>,
    ) -> Result<Closed, Error> {
        let before = service.processor_time()?;
        let round = round.await?;
        let used = service.processor_time()? - before;
        self.rates.push(Some(round.rate()));
        self.processors.push(milliseconds_each(used, round.responses.all()));
        self.failed += round.responses.failed;
        Ok(round)
    }

    pub(super) fn figures(self) -> Figures {
        Figures {
            rate: median(self.rates).unwrap_or_default(),
            processor: median(self.processors),
            failed: self.failed,
        }
    }
}

impl Bench<'_> {
    pub(super) async fn row(&self, services: &Services, data_set: &DataSet, case: &Case) -> Result<Row, Error> {
        let service = &services.service;
        eprintln!("{}", case.name);
        closed(service.address, &case.operation, CALLERS, self.warm_up()).await?;
        let one_caller = self.rates(services, data_set, case, ONE_CALLER).await?;
        let callers = self.rates(services, data_set, case, CALLERS).await?;
        let many_callers = self.rates(services, data_set, case, MANY_CALLERS).await?;
        let rate = OPEN_SHARE * callers.service.rate;
        let paced = open(service.address, &case.operation, rate, self.duration).await?;
        Ok(Row {
            name: case.name.clone(),
            one_caller,
            callers,
            many_callers,
            paced: Latency::from(&paced),
        })
    }

    async fn rates(
        &self,
        services: &Services,
        data_set: &DataSet,
        case: &Case,
        callers: usize,
    ) -> Result<Rates, Error> {
        let Services { service, by_hand } = services;
        let Case {
            name: _,
            operation,
            script,
            limit,
            comparison,
        } = case;
        let requests = |service: &ServiceProcess, duration| closed(service.address, operation, callers, duration);
        let transactions = |script: &str, duration| self.transactions(data_set, script, callers, duration);
        let (mut of_service, mut of_rival) = (Rounds::default(), Rounds::default());
        let (mut databases, mut limits) = (Vec::new(), Vec::new());
        requests(service, self.warm_up()).await?;
        if comparison.is_some() {
            requests(by_hand, self.warm_up()).await?;
        }
        transactions(script, self.warm_up())?;
        for _ in 0..self.rounds {
            of_service.add(service, requests(service, self.duration)).await?;
            if comparison.is_some() {
                of_rival.add(by_hand, requests(by_hand, self.duration)).await?;
            }
            databases.push(transactions(script, self.duration)?);
            if let Some(limit) = limit {
                limits.push(transactions(limit, self.duration)?);
            }
        }
        Ok(Rates {
            callers,
            service: of_service.figures(),
            by_hand: comparison.is_some().then(|| of_rival.figures()),
            database: median(databases),
            limit: median(limits),
        })
    }

    fn transactions(
        &self,
        data_set: &DataSet,
        script: &str,
        clients: usize,
        duration: Duration,
    ) -> Result<Option<f64>, Error> {
        pgbench::transactions_per_second(self.cluster, &data_set.database, script, clients, duration)
    }
}

/// Milliseconds for each request.
#[expect(clippy::cast_precision_loss, reason = "as many requests take centuries")]
fn milliseconds_each(time: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| time.as_secs_f64() * 1000.0 / count as f64)
}
