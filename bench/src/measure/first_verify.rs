//! The first verification of each key after a start, compared with the rival and with bare argon2id.

use super::row::{CALLERS, Rounds};
use super::{Bench, Latency, Rates, median};
use crate::argon2id;
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::{Closed, each_once};
use crate::operations;
use crate::process::Memory;

/// The number of keys in a quick run.
const QUICK_KEYS: usize = 100;

/// The figures of first verifications.
#[derive(Debug)]
pub(crate) struct FirstVerify {
    pub(crate) name: String,
    pub(crate) rates: Rates,
    /// Latencies of the service in the closed loop.
    pub(crate) latency: Latency,
    /// Processor time of one bare hash, in milliseconds.
    pub(crate) bare_hash: Option<f64>,
    /// The memory of the service before any load, in MiB.
    pub(crate) memory_at_rest: Option<f64>,
}

impl Bench<'_> {
    pub(super) async fn first_verify(&self, data_set: &DataSet) -> Result<FirstVerify, Error> {
        let keys = if self.is_quick {
            QUICK_KEYS
        } else {
            data_set.plaintexts.len()
        };
        let plaintexts = &data_set.plaintexts[..keys.min(data_set.plaintexts.len())];
        let operation = operations::verify(plaintexts);
        let name = "verify, first after a start".to_owned();
        eprintln!("{name}");
        let (mut of_service, mut of_rival) = (Rounds::default(), Rounds::default());
        let (mut p50, mut p99, mut bare, mut memory) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let service = self.start(data_set).await?;
            memory.push(Some(service.memory_mib(Memory::Now)?));
            let round = each_once(service.address, &operation, CALLERS);
            let Closed { responses, .. } = of_service.add(&service, round).await?;
            p50.push(responses.latency(0.5));
            p99.push(responses.latency(0.99));
            drop(service);
            let by_hand = self.start_by_hand(data_set).await?;
            let round = each_once(by_hand.address, &operation, CALLERS);
            of_rival.add(&by_hand, round).await?;
            drop(by_hand);
            let hashes = || argon2id::processor_time(plaintexts, self.hash_permits);
            bare.push(Some(hashes()?));
        }
        let rates = Rates {
            callers: CALLERS,
            service: of_service.figures(),
            by_hand: Some(of_rival.figures()),
            database: None,
            limit: None,
        };
        Ok(FirstVerify {
            name,
            latency: Latency {
                rate: None,
                p50: median(p50),
                p99: median(p99),
                p999: None,
                failed: rates.service.failed,
            },
            rates,
            bare_hash: median(bare),
            memory_at_rest: median(memory),
        })
    }
}
