//! Forwards dropshot's log records, which use slog, to `tracing`.
//!
//! The observer already logs the requests that reach a route. The request lines here are those of requests that the router
//! responds to itself.

use super::redaction::redact;
use slog::{Drain, KV, Key, Level, Logger, Never, OwnedKVList, Record, Serializer};
use std::borrow::Cow;
use std::fmt::{self, Write};
use tracing::{debug, error, info, trace, warn};

/// dropshot 0.18's message at the end of a request.
const REQUEST_COMPLETED: &str = "request completed";

/// dropshot 0.18's message at the end of a request whose client has disconnected.
const REQUEST_CANCELLED: &str = "request handling cancelled (client disconnected)";

/// dropshot 0.18's message when the response to such a request is ready. The observer logs this request.
const CANCELLED_COMPLETED: &str = "request completed after handler was already cancelled";

/// The field that dropshot 0.18 adds to its own error responses. Our handlers never return errors to dropshot.
const ROUTER_ERROR: &str = "error_message_internal";

/// Creates the logger for dropshot.
pub fn logger() -> Logger {
    Logger::root(RouterLog, slog::o!())
}

struct RouterLog;

impl Drain for RouterLog {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        // dropshot's messages about requests are literals.
        let message = record
            .msg()
            .as_str()
            .map_or_else(|| Cow::Owned(record.msg().to_string()), Cow::Borrowed);
        let is_request_line = match &*message {
            REQUEST_COMPLETED if is_router_error(record) => true,
            REQUEST_COMPLETED | CANCELLED_COMPLETED => return Ok(()),
            REQUEST_CANCELLED => true,
            _ => false,
        };
        // Connections and listening sockets are details that operators need only when they debug.
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
        // Writing to strings cannot fail, and a record without its fields is better than none.
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

fn is_router_error(record: &Record<'_>) -> bool {
    let mut search = Search(false);
    // Comparing keys cannot fail.
    let _ = record.kv().serialize(record, &mut search);
    search.0
}

/// Whether the field [`ROUTER_ERROR`] was found.
struct Search(bool);

impl Serializer for Search {
    fn emit_arguments(&mut self, key: Key, _value: &fmt::Arguments<'_>) -> slog::Result {
        self.0 |= AsRef::<str>::as_ref(&key) == ROUTER_ERROR;
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
        // The cause of a client error quotes the request. The cause of a server error is needed.
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
            ROUTER_ERROR => self.cause = redacted(),
            // It quotes the request, and it is in the response.
            "error_message_external" => {}
            other => write!(self.others, "{other}={} ", redact(&value))?,
        }
        Ok(())
    }
}
