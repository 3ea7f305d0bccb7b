//! Turns the records of dropshot, which logs through slog, into events of ours. The requests that a route took have a line
//! already, from the observer; here are those that the router answers by itself.

use super::redaction::redact;
use slog::{Drain, KV, Key, Level, Logger, Never, OwnedKVList, Record, Serializer};
use std::borrow::Cow;
use std::fmt::{self, Write};
use tracing::{debug, error, info, trace, warn};

/// What dropshot 0.18 says at the end of a request.
const REQUEST_COMPLETED: &str = "request completed";

/// What dropshot 0.18 says in place of [`REQUEST_COMPLETED`] when the client did not wait for its answer.
const REQUEST_ABANDONED: &str = "request handling cancelled (client disconnected)";

/// What dropshot 0.18 says when the answer to such a request is there: then it has its line.
const ABANDONED_COMPLETED: &str = "request completed after handler was already cancelled";

/// The value by which dropshot 0.18 says that an answer is its own: each handler of ours gives one itself.
const ROUTERS_OWN: &str = "error_message_internal";

/// The logger for dropshot.
pub fn logger() -> Logger {
    Logger::root(RouterLog, slog::o!())
}

struct RouterLog;

impl Drain for RouterLog {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        // All that dropshot says of a request is a literal.
        let message = record
            .msg()
            .as_str()
            .map_or_else(|| Cow::Owned(record.msg().to_string()), Cow::Borrowed);
        let is_request_line = match &*message {
            REQUEST_COMPLETED if is_routers_own(record) => true,
            REQUEST_COMPLETED | ABANDONED_COMPLETED => return Ok(()),
            REQUEST_ABANDONED => true,
            _ => false,
        };
        // A connection or a listening socket is nothing that an operator asked to see.
        let level = match record.level() {
            Level::Critical | Level::Error => tracing::Level::ERROR,
            Level::Warning | Level::Info if is_request_line => tracing::Level::INFO,
            Level::Warning => tracing::Level::WARN,
            Level::Info => tracing::Level::DEBUG,
            Level::Debug | Level::Trace => tracing::Level::TRACE,
        };
        if level > tracing::level_filters::LevelFilter::current() {
            return Ok(());
        }

        let mut fields = Fields::default();
        // Writing into strings does not fail, and a record without its fields is better than none.
        let _ = record.kv().serialize(record, &mut fields);
        let _ = values.serialize(record, &mut fields);
        if is_request_line {
            fields.write_request_line(&message);
        } else {
            fields.write_record(level, &message);
        }
        Ok(())
    }
}

fn is_routers_own(record: &Record<'_>) -> bool {
    let mut search = Search(false);
    // Looking at keys does not fail.
    let _ = record.kv().serialize(record, &mut search);
    search.0
}

/// Whether [`ROUTERS_OWN`] was met.
struct Search(bool);

impl Serializer for Search {
    fn emit_arguments(&mut self, key: Key, _value: &fmt::Arguments<'_>) -> slog::Result {
        self.0 |= AsRef::<str>::as_ref(&key) == ROUTERS_OWN;
        Ok(())
    }
}

#[derive(Default)]
struct Fields {
    request_id: Option<String>,
    method: Option<String>,
    uri: Option<String>,
    status: Option<u16>,
    latency_us: Option<u64>,
    peer: Option<String>,
    cause: Option<String>,
    others: String,
}

impl Fields {
    fn write_request_line(self, message: &str) {
        let Self {
            request_id,
            method,
            uri,
            status,
            latency_us,
            peer,
            cause,
            others: _,
        } = self;
        // The cause of a refusal quotes what the client sent; that of a fault of ours is needed.
        let cause = cause.filter(|_| status.is_some_and(|status| status >= 500));
        info!(request_id, method, uri, status, latency_us, peer, cause, "{message}");
    }

    fn write_record(self, level: tracing::Level, message: &str) {
        let Self {
            request_id,
            method,
            uri,
            status,
            latency_us: _,
            peer,
            cause: _,
            others,
        } = self;
        match level {
            tracing::Level::ERROR => error!(request_id, method, uri, status, peer, others, "{message}"),
            tracing::Level::WARN => warn!(request_id, method, uri, status, peer, others, "{message}"),
            tracing::Level::INFO => info!(request_id, method, uri, status, peer, others, "{message}"),
            tracing::Level::DEBUG => debug!(request_id, method, uri, status, peer, others, "{message}"),
            tracing::Level::TRACE => trace!(request_id, method, uri, status, peer, others, "{message}"),
        }
    }
}

impl Serializer for Fields {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let value = value.to_string();
        let redacted = || Some(redact(&value).into_owned());
        match AsRef::<str>::as_ref(&key) {
            "req_id" => self.request_id = redacted(),
            "method" => self.method = redacted(),
            "uri" => self.uri = redacted(),
            "remote_addr" => self.peer = redacted(),
            "response_code" => self.status = value.parse().ok(),
            "latency_us" => self.latency_us = value.parse().ok(),
            ROUTERS_OWN => self.cause = redacted(),
            // Quotes what the client sent, and the client has it.
            "error_message_external" => {}
            other => write!(self.others, "{other}={} ", redact(&value))?,
        }
        Ok(())
    }
}
