//! Telemetry: logs on standard error with a line for each request, [`metrics`], and [`traces`].
//!
//! Bodies, headers, plaintexts, hashes and `DATABASE_URL` are neither logged nor traced. Text from clients is
//! [redacted](redaction): anything that looks like an API key or a token is replaced. Invisible characters are escaped.

mod log_writer;
pub mod metrics;
mod observer;
pub mod redaction;
pub mod traces;

use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use log_writer::{LineFormat, LogWriter};
pub use observer::RequestObserver;

/// The prefix of the targets of the service's own log events.
const OWN_TARGETS: &str = "tenant_registry";

/// The format of log events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text if standard error is a terminal, otherwise JSON.
    Auto,
    /// One JSON object per line, for machines.
    Json,
    /// One line of text per event, for people.
    Text,
}

/// The level of detail of the log. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    /// Problems that need attention.
    Error,
    /// Conditions that may become errors.
    Warn,
    /// A line for each request, and the start and stop of the service.
    Info,
    /// The outcome of each operation, and new connections.
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
/// Fails if the process already has a subscriber.
pub fn start(level: LogLevel, format: LogFormat) -> Result<(), TryInitError> {
    let level = LevelFilter::from(level);
    // Below the level of warnings, libraries log the data that they send and receive.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(OWN_TARGETS, level);
    let is_terminal = std::io::stderr().is_terminal();
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Json => false,
        LogFormat::Text => true,
    };
    let lines = tracing_subscriber::fmt::layer();
    let lines = if is_text {
        lines
            .with_ansi(is_terminal)
            .with_writer(|| LogWriter(LineFormat::Text))
            .with_filter(filter)
            .boxed()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_writer(|| LogWriter(LineFormat::Json))
            .with_filter(filter)
            .boxed()
    };
    tracing_subscriber::registry().with(lines).try_init()
}
