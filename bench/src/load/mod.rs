//! The load generator. It is cheap, so that it does not affect the figures.

mod closed;
mod connection;
mod open;

use std::net::SocketAddr;
use std::sync::Arc;

use hdrhistogram::Histogram;

use crate::error::Error;

pub(crate) use closed::{Closed, Flood, closed, each_once};
use connection::Connection;
pub(crate) use open::{Open, open};

/// Sends one request and returns the status and the body of the response.
pub(crate) async fn response(address: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>), Error> {
    let mut connection = Connection::open(address).await?;
    let (status, body) = connection.send(request).await?;
    Ok((status, body.to_vec()))
}

/// The longest recorded latency in microseconds: one minute.
const LONGEST: u64 = 60_000_000;

/// Requests of one kind, and the expected response.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The bytes of the requests, of which one is picked at random.
    pub(crate) requests: Arc<[Vec<u8>]>,
    /// The expected status.
    pub(crate) status: u16,
    /// A text in the expected body.
    pub(crate) part: &'static str,
}

impl Operation {
    fn pick(&self, random: &mut fastrand::Rng) -> &[u8] {
        random.choice(self.requests.iter()).map_or(&[], Vec::as_slice)
    }
}

/// The responses of a measurement.
#[derive(Clone, Debug)]
pub(crate) struct Responses {
    /// Latencies of the successful ones, in microseconds.
    latencies: Histogram<u64>,
    /// The number of failed requests.
    pub(crate) failed: u64,
}

impl Responses {
    fn empty() -> Self {
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

    /// Adds the responses of another caller.
    fn add(&mut self, other: &Self) {
        // Cannot fail, since all have the same bounds.
        let _ = self.latencies.add(&other.latencies);
        self.failed += other.failed;
    }

    /// Fails if there were responses and none was successful.
    fn require_good(self, operation: &Operation) -> Result<Self, Error> {
        if self.good() > 0 || self.failed == 0 {
            return Ok(self);
        }
        let request = operation
            .requests
            .first()
            .map(|request| String::from_utf8_lossy(request));
        Err(Error::NoGoodResponse {
            status: operation.status,
            part: operation.part,
            request: request.unwrap_or_default().into_owned(),
        })
    }

    /// The number of successful responses.
    pub(crate) fn good(&self) -> u64 {
        self.latencies.len()
    }

    /// The number of responses.
    pub(crate) fn all(&self) -> u64 {
        self.good() + self.failed
    }

    /// The latency in milliseconds at this quantile; `None` without a successful response.
    #[expect(clippy::cast_precision_loss, reason = "a minute of microseconds is far below 2^52")]
    pub(crate) fn latency(&self, share: f64) -> Option<f64> {
        (self.good() > 0).then(|| self.latencies.value_at_quantile(share) as f64 / 1000.0)
    }
}
