//! The command-line arguments.

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// The seconds of each measurement of a `--quick` run.
const QUICK_SECONDS: u64 = 1;

/// The minimum number of events, so that the deep page exists.
const MIN_EVENTS: u64 = 100_000;

/// Compare the speed of the service with that of its database in the same run.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Arguments {
    /// Path of a release build of `tenant-registry`.
    #[arg(long, value_name = "PATH", default_value = "target/release/tenant-registry")]
    pub(crate) service: PathBuf,

    /// Path of a release build of the rival in `bench/rivals/by-hand`.
    #[arg(long, value_name = "PATH", default_value = "target/rivals/release/by-hand")]
    pub(crate) by_hand: PathBuf,

    /// Number of audit events in the large data set.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 10_000_000,
        value_parser = clap::value_parser!(u64).range(MIN_EVENTS..)
    )]
    events: u64,

    /// Seconds of each measurement.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// Number of rounds in which service and database are measured in turn. The report has the medians.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,

    /// HASH_PERMITS of the service. By default one for each processor, as in the service.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    hash_permits: Option<u16>,

    /// Measure only the rates of these operations, which the rival has too. There are no targets, and `--page` is not written.
    #[arg(long, value_name = "OPERATION", value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<SharedOperation>,

    /// Only append single events until there are this many more, and report each minute.
    #[arg(long, value_name = "EVENTS", conflicts_with = "only")]
    pub(crate) soak: Option<u64>,

    /// Directory of the data sets. The user that runs Postgres must be able to enter it. By default, a directory in
    /// `/var/tmp`.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,

    /// Run a smoke test: one round of one second on the small data set. Its figures are not reliable, and `--page` is
    /// not written.
    #[arg(long)]
    pub(crate) quick: bool,

    /// File to write the tables to. The text below its marker line is kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
}

/// An operation that the service and the rival have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SharedOperation {
    Verify,
    Append,
    FirstPage,
    TenantGet,
}

impl Arguments {
    /// The number of audit events in the small data set.
    pub(crate) const SMALL_EVENTS: u64 = MIN_EVENTS;

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
