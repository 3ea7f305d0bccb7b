//! Progress display of an export.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tenant_registry_client::types::{AuditEvent, Timestamp};

/// A progress line on standard error. The total number of events is unknown. If the export has a start time, the bar shows
/// how much of the time range has been read.
pub(super) struct Progress {
    bar: ProgressBar,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    events: u64,
}

impl Progress {
    /// Shows the line, unless it is hidden.
    pub(super) fn start(is_visible: bool, since: Option<Timestamp>) -> Self {
        let bar = if is_visible {
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
            oldest: since,
            newest: None,
            events: 0,
        }
    }

    /// Updates the line after a page.
    pub(super) fn advance(&mut self, page: &[AuditEvent]) {
        let (Some(first), Some(last)) = (page.first(), page.last()) else {
            return;
        };
        let newest = *self.newest.get_or_insert(first.created_at);
        self.events += page.len() as u64;
        let reached = last.created_at.get().format("%Y-%m-%d %H:%M");
        self.bar
            .set_message(format!("{} events, back to {reached}", HumanCount(self.events)));
        if let Some(oldest) = self.oldest {
            self.bar.set_length(milliseconds(newest, oldest));
            self.bar.set_position(milliseconds(newest, last.created_at));
        } else {
            self.bar.tick();
        }
    }

    /// Removes the line.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(from: Timestamp, back_to: Timestamp) -> u64 {
    (from.get() - back_to.get()).num_milliseconds().unsigned_abs()
}
