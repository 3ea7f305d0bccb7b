//! The first verification of each key after a start, compared with bare argon2id.

use super::row::{CALLERS, milliseconds_each};
use super::{Bench, Latency, Row, median};
use crate::argon2id;
use crate::data_set::DataSet;
use crate::error::Error;
use crate::load::each_once;
use crate::operations;
use crate::process::Memory;

/// The number of keys in a quick run.
const QUICK_KEYS: usize = 100;

/// The figures of first verifications.
#[derive(Debug)]
pub(crate) struct FirstVerify {
    pub(crate) row: Row,
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
        let (mut rates, mut processors, mut bare, mut memory) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        let mut failed = 0;
        for _ in 0..self.rounds {
            let service = self.start(data_set).await?;
            memory.push(Some(service.memory_mib(Memory::Now)?));
            let before = service.processor_time()?;
            let round = each_once(service.address, &operation, CALLERS).await?;
            let used = service.processor_time()? - before;
            drop(service);
            rates.push(Some(round.rate()));
            processors.push(milliseconds_each(used, round.responses.all()));
            p50.push(round.responses.latency(0.5));
            p99.push(round.responses.latency(0.99));
            failed += round.responses.failed;
            let hashes = || argon2id::processor_time(plaintexts, self.hash_permits);
            bare.push(Some(hashes()?));
        }
        Ok(FirstVerify {
            row: Row {
                name,
                one_caller: None,
                many_callers: None,
                rate: median(rates).unwrap_or_default(),
                database: None,
                processor: median(processors),
                failed,
                paced: Latency {
                    rate: None,
                    p50: median(p50),
                    p99: median(p99),
                    p999: None,
                },
            },
            bare_hash: median(bare),
            memory_at_rest: median(memory),
        })
    }
}
