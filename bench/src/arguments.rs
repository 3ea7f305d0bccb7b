//! What the bench is asked to do.

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;

/// How long each measurement of a `--quick` run takes.
const QUICK_SECONDS: u64 = 1;

/// The least events that are loaded: fewer have no page of their own for each depth.
const LEAST_EVENTS: u64 = 100_000;

/// Measures the service, and the database under it, in the same run.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Arguments {
    /// The service: a release build of `tenant-registry`.
    #[arg(long, value_name = "PATH", default_value = "target/release/tenant-registry")]
    pub(crate) service: PathBuf,

    /// Audit events in the large data set.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 10_000_000,
        value_parser = clap::value_parser!(u64).range(LEAST_EVENTS..)
    )]
    events: u64,

    /// Seconds of each measurement.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// How many times service and database are measured in turn; the medians count.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,

    /// The service's HASH_PERMITS; one for each processor, as the service itself would have it, where left out.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    hash_permits: Option<u16>,

    /// A smoke test: one round of a second each on the small data set. Its figures say little, and `--page` is not
    /// written.
    #[arg(long)]
    pub(crate) quick: bool,

    /// The file that the tables are written to; what stands below its marker line is kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
}

impl Arguments {
    /// Audit events in the small data set.
    pub(crate) const SMALL_EVENTS: u64 = LEAST_EVENTS;

    pub(crate) fn large_events(&self) -> u64 {
        if self.quick { Self::SMALL_EVENTS } else { self.events }
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(if self.quick { QUICK_SECONDS } else { self.seconds })
    }

    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { usize::from(self.rounds) }
    }

    pub(crate) fn hash_permits(&self) -> usize {
        self.hash_permits
            .map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from)
    }
}
