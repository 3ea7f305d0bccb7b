//! Telemetry: log events on standard error, one line for each request, what is counted ([`metrics`]), and traces
//! ([`traces`]).
//!
//! Neither logged nor traced: bodies, headers, plaintexts, hashes, `DATABASE_URL`. What looks like an API key or a token is
//! struck out wherever text of the client's is written (see [`redaction`]).

pub mod metrics;
mod observer;
pub mod redaction;
mod router_log;
pub mod traces;

use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

pub use observer::RequestObserver;
pub use router_log::logger;

/// The target of every event of the service begins with this.
const OWN_TARGETS: &str = "tenant_registry";

/// How log events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// One line of text, for people.
    Text,
}

/// How much is logged; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    /// Only what somebody has to look into.
    Error,
    /// What may become an error.
    Warn,
    /// One line for each request, and the steps of the process's life.
    Info,
    /// The outcome of each operation, and connections.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the process has a subscriber already.
pub fn start(level: LogLevel, format: LogFormat) -> Result<(), TryInitError> {
    let level = LevelFilter::from(level);
    // Libraries below warnings would show what goes over the wire.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(OWN_TARGETS, level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
    };
    tracing_subscriber::registry().with(lines).try_init()
}
