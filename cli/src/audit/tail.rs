//! `registry audit tail`: follows the audit log.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, Command};
use serde_json::{Map, Value};
use tenant_registry_client::Client;
use tenant_registry_client::types::{AuditEvent, AuditEventId, AuditEventPage, PageLimit, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::pages::Pages;
use super::{without_paging, without_until};
use crate::failure::Failure;
use crate::generated::audit::AuditList;
use crate::json_text;
use crate::output::{self, OutputFormat};
use crate::printable::{self, Printable};
use crate::whole_number::whole_number;

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    filters: AuditList,
    /// Seconds between polls.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = whole_number("seconds", 1, 3600, 5))]
    interval: u64,
    /// Seconds that each poll goes back before the newest event. Events get their time before they are stored; an event
    /// that takes longer than this to be stored is missed.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = whole_number("seconds", 1, 86_400, 30))]
    overlap: u64,
}

impl Tail {
    /// The name of the command.
    pub(crate) const NAME: &str = "tail";

    /// The definition for clap.
    pub(crate) fn command() -> Command {
        without_until(without_paging(Self::augment_args(Command::new(Self::NAME))))
            .about("Follow the audit log and show new events until Ctrl-C")
            .long_about(
                "Follow the audit log and show new events until Ctrl-C.\n\nWith `--since`, events from that time on are \
                 shown first. Each event is shown once. The events of a poll are shown in the order of their times. An \
                 event that was stored late is shown after newer events. With `--output json`, each event is a line of \
                 JSON. While the service is unreachable, polling continues.",
            )
    }

    /// Shows events until Ctrl-C.
    pub(crate) async fn run(self, client: &Client, format: OutputFormat) -> Result<(), Failure> {
        tokio::select! {
            ended = self.follow(client, format) => ended,
            pressed = tokio::signal::ctrl_c() => pressed.map_err(Failure::System),
        }
    }

    async fn follow(self, client: &Client, format: OutputFormat) -> Result<(), Failure> {
        // A day at most, so that it always fits.
        let overlap = TimeDelta::from_std(Duration::from_secs(self.overlap)).unwrap_or_default();
        let mut position = Position::new(overlap, self.filters.since);
        if self.filters.since.is_none() {
            position.skip_existing(client, &self.filters).await?;
        }
        let mut polls = interval(Duration::from_secs(self.interval));
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_unreachable = false;
        loop {
            polls.tick().await;
            match position.poll(client, &self.filters).await {
                Ok(poll) => {
                    is_unreachable = false;
                    let events = position.take_new(poll);
                    let lines: String = events
                        .iter()
                        .map(|event| line(event, format))
                        .collect::<Result<_, _>>()?;
                    output::bytes(lines.as_bytes())?;
                }
                Err(Failure::Request(error)) if error.is_retryable() => {
                    if !is_unreachable {
                        eprintln!("warning: {}; retrying", Printable(&error.to_string()));
                    }
                    is_unreachable = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// The result of a poll.
struct Poll {
    /// The time of the newest event when the poll began.
    newest: Option<Timestamp>,
    events: Vec<AuditEvent>,
}

/// The time of the newest event, whatever it is about. The local clock may differ from the service's, and after the last match
/// of a rare filter there may be a million other events, which the next poll need not look through again.
async fn newest(client: &Client, filters: &AuditList) -> Result<Option<Timestamp>, Failure> {
    let one = AuditList {
        product: None,
        actor_id: None,
        action: None,
        limit: PageLimit::try_from(1).ok(),
        ..filters.clone()
    };
    let AuditEventPage { items, next_cursor: _ } = one.send(client).await?;
    Ok(items.first().map(|event| event.created_at))
}

/// The position in the audit log up to which events were shown.
struct Position {
    overlap: TimeDelta,
    /// The start time that the user gave. Older events are never requested.
    start: Option<Timestamp>,
    newest: Option<Timestamp>,
    /// The events since `since()` that were shown, or existed before the command started.
    seen: HashMap<AuditEventId, Timestamp>,
}

impl Position {
    fn new(overlap: TimeDelta, start: Option<Timestamp>) -> Self {
        Self {
            overlap,
            start,
            newest: None,
            seen: HashMap::new(),
        }
    }

    /// Marks all existing events as seen.
    async fn skip_existing(&mut self, client: &Client, filters: &AuditList) -> Result<(), Failure> {
        self.newest = newest(client, filters).await?;
        if self.newest.is_some() {
            let poll = self.poll(client, filters).await?;
            self.take_new(poll);
        }
        Ok(())
    }

    /// Reads the events since `since()`.
    async fn poll(&self, client: &Client, filters: &AuditList) -> Result<Poll, Failure> {
        let newest = newest(client, filters).await?;
        let filters = AuditList {
            since: self.since(),
            ..filters.clone()
        };
        let events = Pages::new(client, filters).rest().await?;
        Ok(Poll { newest, events })
    }

    /// The start time of the next poll.
    fn since(&self) -> Option<Timestamp> {
        let overlapping = self.newest.map(|newest| {
            let time = newest.get() - self.overlap;
            Timestamp::try_from(time).unwrap_or(Timestamp::MIN)
        });
        overlapping.max(self.start)
    }

    /// Returns the events that were not seen before, ordered by time, and marks them as seen.
    fn take_new(&mut self, poll: Poll) -> Vec<AuditEvent> {
        let Poll { newest, mut events } = poll;
        events.retain(|event| self.seen.insert(event.id, event.created_at).is_none());
        events.sort_by_key(|event| (event.created_at, event.id));
        self.newest = self.newest.max(newest).max(events.last().map(|event| event.created_at));
        if let Some(since) = self.since() {
            self.seen.retain(|_, created_at| *created_at >= since);
        }
        events
    }
}

/// Formats an event as a line.
fn line(event: &AuditEvent, format: OutputFormat) -> Result<String, Failure> {
    let json = output::json(event)?;
    match format {
        OutputFormat::Json => Ok(printable::json(&format!("{json}\n"))),
        OutputFormat::Table => match json_text::displayed(&json)? {
            Value::Object(properties) => Ok(table_line(event, &properties)),
            value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Ok(printable::json(&format!("{value}\n")))
            }
        },
    }
}

/// The time and the action, followed by all other properties.
fn table_line(event: &AuditEvent, properties: &Map<String, Value>) -> String {
    let mut line = format!("{}  {}", event.created_at, Printable(event.action.as_str()));
    for (name, value) in properties {
        if name != "created_at" && name != "action" {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line.push_str(&format!("  {}={}", Printable(name), Printable(&value)));
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;
    use tenant_registry_client::types::{AuditEvent, Timestamp};

    use super::{Poll, Position};

    fn event(id: i64, second: u32) -> AuditEvent {
        serde_json::from_value(json!({
            "id": id,
            "action": "a",
            "created_at": format!("2026-11-23T09:30:{second:02}Z"),
        }))
        .unwrap()
    }

    fn at(second: u32) -> Timestamp {
        event(1, second).created_at
    }

    fn poll(newest: Option<u32>, events: Vec<AuditEvent>) -> Poll {
        Poll {
            newest: newest.map(at),
            events,
        }
    }

    fn ids(events: &[AuditEvent]) -> Vec<i64> {
        events.iter().map(|event| event.id.get()).collect()
    }

    #[test]
    fn each_event_is_shown_once_even_if_it_was_stored_late() {
        let mut position = Position::new(TimeDelta::seconds(10), None);
        assert_eq!(position.since(), None);
        assert_eq!(
            ids(&position.take_new(poll(None, vec![event(3, 12), event(1, 10)]))),
            [1, 3]
        );
        assert_eq!(position.since(), Some(at(2)));
        // Event 2 has an earlier time than event 3, but was stored later.
        assert_eq!(
            ids(&position.take_new(poll(None, vec![event(4, 13), event(3, 12), event(2, 11), event(1, 10)]))),
            [2, 4]
        );
        assert_eq!(
            ids(&position.take_new(poll(None, vec![event(4, 13), event(3, 12), event(2, 11), event(1, 10)]))),
            [0; 0]
        );
    }

    #[test]
    fn events_before_the_overlap_are_forgotten() {
        let mut position = Position::new(TimeDelta::seconds(10), None);
        position.take_new(poll(None, vec![event(1, 10), event(2, 20)]));
        assert_eq!(position.seen.len(), 2);
        position.take_new(poll(None, vec![event(3, 21)]));
        assert_eq!(position.seen.len(), 2);
        assert!(!position.seen.contains_key(&event(1, 0).id));
    }

    #[test]
    fn events_that_the_filters_do_not_match_end_the_next_poll_earlier() {
        let mut position = Position::new(TimeDelta::seconds(10), None);
        position.take_new(poll(Some(40), vec![event(1, 10)]));
        assert_eq!(position.since(), Some(at(30)));
    }

    #[test]
    fn events_before_the_start_are_not_requested() {
        let mut position = Position::new(TimeDelta::seconds(10), Some(at(5)));
        position.take_new(poll(None, vec![event(1, 6)]));
        assert_eq!(position.since(), Some(at(5)));
        position.take_new(poll(None, vec![event(2, 30)]));
        assert_eq!(position.since(), Some(at(20)));
    }
}
