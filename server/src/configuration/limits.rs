//! The settings that limit requests and connections.

use super::parsers::whole_number;
use crate::limits::request_rate::RateLimit;
use clap::Args;
use std::num::NonZeroU32;
use std::time::Duration;
use tenant_registry_contract::http::Limits;

/// Limits on requests and connections.
#[derive(Args, Clone, Debug)]
pub struct LimitsConfiguration {
    /// Maximum size of a request body in bytes, from 1 KiB to 64 MiB. Too low: valid requests are rejected with 413. Too
    /// high: a few clients can fill the memory.
    #[arg(
        long,
        env = "BODY_LIMIT",
        value_name = "BODY_LIMIT",
        default_value_t = 1024 * 1024,
        value_parser = whole_number::<u32>("bytes", 1024, 64 * 1024 * 1024, 1024 * 1024)
    )]
    pub body_limit: u32,

    /// Maximum number of seconds for a request body to arrive, and for a client to receive a response, from 1 to 600.
    /// After that, a body is rejected with 400, and the connection is closed. Too low: large bodies and pages over slow
    /// networks fail. Too high: a client that sends or reads a byte now and then occupies a connection and the memory of a
    /// body for that long.
    #[arg(
        long,
        env = "BODY_TIMEOUT",
        value_name = "BODY_TIMEOUT",
        default_value_t = 30,
        value_parser = whole_number::<u64>("seconds", 1, 600, 30)
    )]
    pub body_timeout: u64,

    /// Maximum number of requests that run at once, from 1 to 100000. Probes do not count. Each caller has a share: 15/16 if no
    /// other caller is active, otherwise an equal part. Requests above the share are rejected with 429, and others for which there is no room with 503 (a verification returns `unavailable`), both with RETRY_AFTER. The bodies
    /// of requests and responses, which are shared in the same way, take at most this many times BODY_LIMIT of memory, or 64
    /// MiB if that is more. Too low: bursts are rejected. Too high: all requests become slow before any is rejected.
    #[arg(
        long,
        env = "MAX_REQUESTS",
        value_name = "MAX_REQUESTS",
        default_value_t = 1024,
        value_parser = whole_number::<u32>("requests", 1, 100_000, 1024)
    )]
    pub max_requests: u32,

    /// Maximum number of requests per second for each authenticated caller, from 1 to 1000000, with a burst of the same size.
    /// Further requests are rejected with 429. Verifications of API keys and checks of entitlements do not count: their number
    /// is limited only by the caller's share of MAX_REQUESTS. Too low: busy programs are rejected. Too high: one faulty program
    /// slows down all others.
    #[arg(
        long,
        env = "REQUEST_RATE",
        value_name = "REQUEST_RATE",
        default_value = "2000",
        value_parser = request_rate
    )]
    pub request_rate: RateLimit,

    /// Maximum number of connections that callers can hold, from 16 to 1000000, at up to 28 KiB each while idle. Further
    /// callers wait in the kernel's queue. The hard limit of open files (LimitNOFILE) must allow it: if it is too low, the
    /// service holds fewer connections and logs a warning. Too low: callers wait although the service could serve them. Too high: a flood of connections fills the memory.
    #[arg(
        long,
        env = "MAX_CONNECTIONS",
        value_name = "MAX_CONNECTIONS",
        default_value_t = 4096,
        value_parser = whole_number::<u32>("connections", 16, 1_000_000, 4096)
    )]
    pub max_connections: u32,
}

/// The maximum of REQUEST_RATE. No replica can serve more, so a higher value is a mistake.
const MAX_REQUEST_RATE: u64 = 1_000_000;

/// The minimum number of bytes for bodies: sixteen of the largest responses, because a caller that is alone can use 15/16.
const MIN_MEMORY: usize = 64 * 1024 * 1024;

fn request_rate(text: &str) -> Result<RateLimit, String> {
    let requests: NonZeroU32 = whole_number("requests per second", 1, MAX_REQUEST_RATE, 2000)(text)?;
    RateLimit::new(requests).map_err(|error| error.to_string())
}

impl LimitsConfiguration {
    /// The maximum number of running requests.
    pub(super) fn requests(&self) -> usize {
        self.max_requests as usize
    }

    /// The maximum number of bytes of all bodies together.
    pub(super) fn memory(&self) -> usize {
        let bodies = self.requests().saturating_mul(self.body_limit as usize);
        bodies.max(MIN_MEMORY)
    }

    /// The limits of a single request.
    pub(super) fn request_limits(&self) -> Limits {
        Limits {
            body_size: self.body_limit as usize,
            body_time: Duration::from_secs(self.body_timeout),
        }
    }
}
