//! What a flood of wrong secrets does: to the service's memory, and to the callers that present right ones.

use super::row::CALLERS;
use super::{Bench, Row, median};
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::{self, each_once, open};
use crate::operations;
use crate::process::Memory;
use crate::service::ServiceProcess;

/// Connections that present wrong secrets, each as fast as it is answered.
const FLOOD_CALLERS: usize = 8;

/// The rate of right secrets, as a share of what the closed loop reached without a flood. It leaves room on the machine
/// for the hashes of the flood.
pub(crate) const SHARE: f64 = 0.2;

/// Passes over all keys after which the service must have verified each of them.
const MOST_PASSES: usize = 10;

/// Warm verifies with and without wrong secrets beside them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flooded {
    /// Right secrets each second, in both.
    pub(crate) rate: f64,
    /// The latency, in milliseconds, that 99 of 100 kept.
    pub(crate) without: Option<f64>,
    pub(crate) with: Option<f64>,
    /// Right secrets that were not found valid in the flood.
    pub(crate) failed: u64,
}

impl Bench<'_> {
    /// A service that has verified all keys in the midst of wrong ones, and the most memory, in MiB, that it took.
    pub(super) async fn peak_memory(&self, data_set: &DataSet) -> Result<(ServiceProcess, f64), Error> {
        eprintln!("memory in a flood");
        let service = self.start(data_set).await?;
        let right = operations::verify(&data_set.plaintexts);
        let flood = load::Flood::start(service.address, &operations::wrong_secrets(), FLOOD_CALLERS).await?;
        each_once(service.address, &right, CALLERS).await?;
        flood.stop().await?;
        let peak = service.memory_mib(Memory::Peak)?;
        // Those that found no place in the flood, so that what follows is warm.
        for _ in 0..MOST_PASSES {
            if each_once(service.address, &right, 1).await?.answers.failed == 0 {
                break;
            }
        }
        Ok((service, peak))
    }

    /// Right secrets at the same rate, without and with wrong ones.
    pub(super) async fn flooded(
        &self,
        service: &ServiceProcess,
        data_set: &DataSet,
        warm_verify: &Row,
    ) -> Result<Flooded, Error> {
        eprintln!("verify in a flood");
        let right = operations::verify(&data_set.plaintexts);
        let rate = SHARE * warm_verify.rate;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let mut failed = 0;
        for _ in 0..self.rounds {
            let round = open(service.address, &right, rate, self.duration).await?;
            without.push(round.answers.latency(0.99));
            let flood = load::Flood::start(service.address, &operations::wrong_secrets(), FLOOD_CALLERS).await?;
            let round = open(service.address, &right, rate, self.duration).await?;
            flood.stop().await?;
            with.push(round.answers.latency(0.99));
            failed += round.answers.failed;
        }
        Ok(Flooded {
            rate,
            without: median(without),
            with: median(with),
            failed,
        })
    }
}
