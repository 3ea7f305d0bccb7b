//! How far a walk over the audit log is, for somebody who waits.

use chrono::{DateTime, Utc};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tenant_registry_client::types::{AuditEvent, AuditSince};

/// A line on standard error. The service does not say how many events there are; where the walk has an end in time, the
/// bar shows how much of that time was walked.
pub(super) struct Progress {
    bar: ProgressBar,
    end: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    events: u64,
}

impl Progress {
    /// Starts the line; none where nobody watches.
    pub(super) fn start(is_watched: bool, since: Option<AuditSince>) -> Self {
        let bar = if is_watched {
            ProgressBar::new(1)
        } else {
            ProgressBar::hidden()
        };
        let template = if since.is_some() {
            "{wide_bar} {percent}% {msg}"
        } else {
            "{spinner} {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            end: since.map(DateTime::from),
            newest: None,
            events: 0,
        }
    }

    /// After each page.
    pub(super) fn advance(&mut self, page: &[AuditEvent]) {
        let (Some(first), Some(last)) = (page.first(), page.last()) else {
            return;
        };
        let newest = *self.newest.get_or_insert(first.created_at);
        self.events += page.len() as u64;
        let reached = last.created_at.format("%Y-%m-%d %H:%M");
        self.bar
            .set_message(format!("{} events, back to {reached}", HumanCount(self.events)));
        if let Some(end) = self.end {
            self.bar.set_length(milliseconds(newest, end));
            self.bar.set_position(milliseconds(newest, last.created_at));
        } else {
            self.bar.tick();
        }
    }

    /// Takes the line away.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(from: DateTime<Utc>, back_to: DateTime<Utc>) -> u64 {
    (from - back_to).num_milliseconds().unsigned_abs()
}
