//! The effect of a flood of wrong secrets on memory and on callers with right secrets.

use super::row::CALLERS;
use super::{Bench, Row, median};
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::{self, each_once, open};
use crate::operations;
use crate::process::Memory;
use crate::service::ServiceProcess;

/// The number of connections with wrong secrets, each in a closed loop.
const FLOOD_CALLERS: usize = 8;

/// The rate of right secrets, relative to the closed loop without a flood. It leaves processor time for the hashes of
/// the flood.
pub(crate) const SHARE: f64 = 0.2;

/// The maximum number of passes until the service has verified every key.
const MAX_PASSES: usize = 10;

/// Warm verifications with and without a flood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flooded {
    /// Right secrets per second, in both cases.
    pub(crate) rate: f64,
    /// p99 in milliseconds.
    pub(crate) without: Option<f64>,
    pub(crate) with: Option<f64>,
    /// Right secrets that were not valid during the flood.
    pub(crate) failed: u64,
}

impl Bench<'_> {
    /// Returns a service that has verified all keys during a flood, and its peak memory in MiB.
    pub(super) async fn peak_memory(&self, data_set: &DataSet) -> Result<(ServiceProcess, f64), Error> {
        eprintln!("memory in a flood");
        let service = self.start(data_set).await?;
        let right = operations::verify(&data_set.plaintexts);
        let flood = load::Flood::start(service.address, &operations::wrong_secrets(), FLOOD_CALLERS).await?;
        each_once(service.address, &right, CALLERS).await?;
        flood.stop().await?;
        let peak = service.memory_mib(Memory::Peak)?;
        // Verify the keys that the flood displaced, so that later measurements are warm.
        for _ in 0..MAX_PASSES {
            if each_once(service.address, &right, 1).await?.responses.failed == 0 {
                break;
            }
        }
        Ok((service, peak))
    }

    /// Measures right secrets at the same rate without and with a flood.
    pub(super) async fn flooded(
        &self,
        service: &ServiceProcess,
        data_set: &DataSet,
        warm_verify: &Row,
    ) -> Result<Flooded, Error> {
        eprintln!("verify in a flood");
        let right = operations::verify(&data_set.plaintexts);
        let rate = SHARE * warm_verify.callers.service.rate;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let mut failed = 0;
        for _ in 0..self.rounds {
            let round = open(service.address, &right, rate, self.duration).await?;
            without.push(round.responses.latency(0.99));
            let flood = load::Flood::start(service.address, &operations::wrong_secrets(), FLOOD_CALLERS).await?;
            let round = open(service.address, &right, rate, self.duration).await?;
            flood.stop().await?;
            with.push(round.responses.latency(0.99));
            failed += round.responses.failed;
        }
        Ok(Flooded {
            rate,
            without: median(without),
            with: median(with),
            failed,
        })
    }
}
