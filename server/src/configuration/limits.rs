//! The settings that bound what callers can take of the service.

use crate::request_rate::RateLimit;
use clap::Args;
use std::num::NonZeroU32;
use std::time::Duration;
use tenant_registry_contract::http::Limits;

/// What requests may take.
#[derive(Args, Clone, Debug)]
pub struct LimitsConfiguration {
    /// Most bytes of a request body, from 1 KiB to 64 MiB. Too low, and good requests are answered with 413; too high,
    /// and a few clients can fill the memory.
    #[arg(
        long,
        env = "BODY_LIMIT",
        value_name = "BODY_LIMIT",
        default_value_t = 1024 * 1024,
        value_parser = clap::value_parser!(u32).range(1024..=64 * 1024 * 1024)
    )]
    pub body_limit: u32,

    /// Most seconds that a request body takes to arrive, from 1 to 600; over it the answer is 400, and the connection
    /// ends. Too low, and large bodies over slow lines are refused; too high, and who sends a byte now and then holds a
    /// connection and the memory of a body that long.
    #[arg(
        long,
        env = "BODY_TIMEOUT",
        value_name = "BODY_TIMEOUT",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub body_timeout: u64,

    /// Requests that run at once, from 1 to 100000; probes always do besides. One more is told to come again after RETRY_AFTER
    /// (503; a verify, `unavailable`). Each may hold a body, so that this many of BODY_LIMIT have to fit into the memory
    /// where callers mean ill. Too few, and bursts are turned away; too many, and all of them get slow before one is.
    #[arg(
        long,
        env = "MAX_REQUESTS",
        value_name = "MAX_REQUESTS",
        default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub max_requests: u32,

    /// Requests a second that each caller may send whose token is asked for, from 1 to 1000000, and as many at once after a
    /// time of rest. One more is answered 429 (a verify, `unavailable`). Too few, and busy products are turned away; too
    /// many, and one program that runs wild slows all others down.
    #[arg(
        long,
        env = "REQUEST_RATE",
        value_name = "REQUEST_RATE",
        default_value = "2000",
        value_parser = request_rate
    )]
    pub request_rate: RateLimit,

    /// Connections that callers may hold at once, from 16 to 1000000, at up to 28 KiB each while they are idle; who comes
    /// later waits in the kernel's queue. It sets the process's limit of open files, which counts all else that is open
    /// too, so that some more are taken while little is; the hard limit (LimitNOFILE) has to allow it. Too few, and callers
    /// wait although there is room; too many, and a flood of connections fills the memory.
    #[arg(
        long,
        env = "MAX_CONNECTIONS",
        value_name = "MAX_CONNECTIONS",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(16..=1_000_000)
    )]
    pub max_connections: u32,
}

/// More is a mistake: no replica answers so many.
const MOST_REQUESTS_A_SECOND: u32 = 1_000_000;

fn request_rate(text: &str) -> Result<RateLimit, String> {
    let requests: NonZeroU32 = text
        .parse()
        .ok()
        .filter(|requests: &NonZeroU32| requests.get() <= MOST_REQUESTS_A_SECOND)
        .ok_or_else(|| format!("not a number from 1 to {MOST_REQUESTS_A_SECOND}"))?;
    RateLimit::per_second(requests).map_err(|error| error.to_string())
}

impl LimitsConfiguration {
    /// The most bytes of a body.
    pub(super) fn body_bytes(&self) -> usize {
        self.body_limit as usize
    }

    /// The most requests at once.
    pub(super) fn requests(&self) -> usize {
        self.max_requests as usize
    }

    /// What a single request may take besides.
    pub(super) fn of_a_request(&self) -> Limits {
        Limits {
            body_time: Duration::from_secs(self.body_timeout),
        }
    }
}
