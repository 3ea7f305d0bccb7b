//! The settings of the shutdown.

use super::parsers::whole_number;
use clap::Args;
use std::time::Duration;

/// How the service stops.
#[derive(Args, Clone, Debug)]
pub struct ShutdownConfiguration {
    /// Seconds after SIGTERM during which the readiness probe returns 503 while requests are served as usual, up to 600.
    /// SIGINT and a second SIGTERM skip this phase. Too low: load balancers still send requests to a replica that has
    /// stopped. They must call the probe at least once in this time.
    #[arg(
        long,
        env = "SHUTDOWN_DRAIN",
        value_name = "SHUTDOWN_DRAIN",
        default_value_t = 3,
        value_parser = whole_number::<u64>("seconds", 0, 600, 3)
    )]
    pub shutdown_drain: u64,

    /// Maximum number of seconds between the end of SHUTDOWN_DRAIN and the end of the process, from 1 to 3600. Too low:
    /// running requests are cancelled. The platform must wait for SHUTDOWN_DRAIN and SHUTDOWN_TIMEOUT together before it
    /// kills the process.
    #[arg(
        long,
        env = "SHUTDOWN_TIMEOUT",
        value_name = "SHUTDOWN_TIMEOUT",
        default_value_t = 10,
        value_parser = whole_number::<u64>("seconds", 1, 3600, 10)
    )]
    pub shutdown_timeout: u64,
}

impl ShutdownConfiguration {
    pub(super) fn drain(&self) -> Duration {
        Duration::from_secs(self.shutdown_drain)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.shutdown_timeout)
    }
}
