//! Load on the service, of our own making: so cheap that it is not what is measured.

mod closed;
mod connection;
mod open;

use std::sync::Arc;

use hdrhistogram::Histogram;

pub(crate) use closed::{Flood, closed, each_once};
pub(crate) use open::{Open, open};

/// The longest latency that is told from longer ones, in microseconds: a minute.
const LONGEST: u64 = 60_000_000;

/// Requests of one kind, and by what a good answer is known.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Whole requests, one of which is picked each time.
    pub(crate) requests: Arc<[Vec<u8>]>,
    /// The status of a good answer.
    pub(crate) status: u16,
    /// What the body of a good answer has in it.
    pub(crate) part: &'static str,
}

impl Operation {
    fn pick(&self, random: &mut fastrand::Rng) -> &[u8] {
        random.choice(self.requests.iter()).map_or(&[], Vec::as_slice)
    }
}

/// What has come back.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// Latencies of the good ones, in microseconds.
    latencies: Histogram<u64>,
    /// How many were not good.
    pub(crate) failed: u64,
}

impl Answers {
    fn none() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bounds are constants, and the histogram's own conditions for them hold"
        )]
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3).expect("1 < LONGEST, and three digits are allowed");
        Self { latencies, failed: 0 }
    }

    fn count(&mut self, is_good: bool, latency: std::time::Duration) {
        if is_good {
            let microseconds = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
            self.latencies.saturating_record(microseconds);
        } else {
            self.failed += 1;
        }
    }

    /// Takes those of another caller in.
    fn add(&mut self, other: &Self) {
        // All have the same bounds, so that none is refused.
        let _ = self.latencies.add(&other.latencies);
        self.failed += other.failed;
    }

    /// How many were good.
    pub(crate) fn good(&self) -> u64 {
        self.latencies.len()
    }

    /// How many came.
    pub(crate) fn all(&self) -> u64 {
        self.good() + self.failed
    }

    /// The latency, in milliseconds, that this share of the good answers kept; none where no answer was good.
    #[expect(clippy::cast_precision_loss, reason = "a minute of microseconds is far below 2^52")]
    pub(crate) fn latency(&self, share: f64) -> Option<f64> {
        (self.good() > 0).then(|| self.latencies.value_at_quantile(share) as f64 / 1000.0)
    }
}
