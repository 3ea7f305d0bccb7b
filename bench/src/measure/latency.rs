//! Latencies of a page for one caller, by depth, filter and size of the log.

use super::{Bench, median};
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::closed;
use crate::operations::{self, Case};
use crate::service::ServiceProcess;

/// p50 in milliseconds; `None` without a successful response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latencies {
    pub(crate) first_page: Option<f64>,
    pub(crate) deep_page: Option<f64>,
    pub(crate) frequent_filter: Option<f64>,
    pub(crate) rare_filter: Option<f64>,
    /// The first page of the small data set.
    pub(crate) small_log: Option<f64>,
}

impl Bench<'_> {
    pub(super) async fn latencies(
        &self,
        service: &ServiceProcess,
        deep_page: &Case,
        small: &DataSet,
    ) -> Result<Latencies, Error> {
        eprintln!("latencies of the lists");
        let on_small = self.start(small).await?;
        let first_page = operations::first_page();
        let cases = [
            (service, &first_page),
            (service, deep_page),
            (service, &operations::frequent_filter()),
            (service, &operations::rare_filter()),
            (&on_small, &first_page),
        ];
        let mut p50 = cases.map(|_| Vec::new());
        for (service, case) in cases {
            closed(service.address, &case.operation, 1, self.warm_up()).await?;
        }
        for _ in 0..self.rounds {
            for ((service, case), p50) in cases.iter().zip(&mut p50) {
                let round = closed(service.address, &case.operation, 1, self.duration).await?;
                p50.push(round.responses.latency(0.5));
            }
        }
        let [first_page, deep_page, frequent_filter, rare_filter, small_log] = p50.map(median);
        Ok(Latencies {
            first_page,
            deep_page,
            frequent_filter,
            rare_filter,
            small_log,
        })
    }
}
