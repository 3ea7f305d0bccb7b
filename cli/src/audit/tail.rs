//! `registry audit tail`: follows the audit log.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Command};
use serde_json::{Map, Value};
use tenant_registry_client::Client;
use tenant_registry_client::types::{AuditEvent, AuditEventId, AuditSince};
use tokio::time::{MissedTickBehavior, interval};

use super::walk::Walk;
use super::{without_end, without_places};
use crate::failure::Failure;
use crate::generated::audit::AuditList;
use crate::output::{self, OutputFormat};
use crate::printable::Printable;

/// What is asked of the log.
#[derive(Clone, Debug, Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    filters: AuditList,
    /// How many seconds to wait before each look.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=3600))]
    interval: u32,
    /// How many seconds each look goes back behind the newest event. An event has its time before it is stored; what
    /// takes longer than this in between is missed.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=86400))]
    overlap: u32,
}

impl Tail {
    /// The name of the command.
    pub(crate) const NAME: &str = "tail";

    /// The command as it is typed.
    pub(crate) fn command() -> Command {
        without_end(without_places(Self::augment_args(Command::new(Self::NAME))))
            .about("Follow the audit log: show each event that is appended, until Ctrl-C")
            .long_about(
                "Follow the audit log: show each event that is appended, until Ctrl-C.\n\nWith `--since` it begins with \
                 the events from then on. No event is shown twice. The events of each look are shown in the order of \
                 their times; one that was stored late is shown late, after events that are newer. With `--output \
                 json` each event is a line of JSON. While the service cannot be reached, it is asked again.",
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
        let mut place = Place::new(TimeDelta::seconds(i64::from(self.overlap)), self.filters.since);
        if self.filters.since.is_none() {
            place.begin(client, &self.filters).await?;
        }
        let mut looks = interval(Duration::from_secs(u64::from(self.interval)));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_away = false;
        loop {
            looks.tick().await;
            let filters = AuditList {
                since: place.since(),
                ..self.filters.clone()
            };
            match Walk::new(client, filters).rest().await {
                Ok(events) => {
                    is_away = false;
                    let events = place.unseen(events);
                    let lines: String = events
                        .iter()
                        .map(|event| line(event, format))
                        .collect::<Result<_, _>>()?;
                    output::bytes(lines.as_bytes())?;
                }
                Err(Failure::Request(error)) if error.is_worth_retrying() => {
                    if !is_away {
                        eprintln!("warning: {}; asking again", Printable(&error.to_string()));
                    }
                    is_away = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// How far the log was seen.
struct Place {
    overlap: TimeDelta,
    /// Where the caller wants to begin; nothing before it is asked for.
    first: Option<AuditSince>,
    newest: Option<DateTime<Utc>>,
    /// The events from `since()` on that were shown, or stood before the beginning.
    seen: HashMap<AuditEventId, DateTime<Utc>>,
}

impl Place {
    fn new(overlap: TimeDelta, first: Option<AuditSince>) -> Self {
        Self {
            overlap,
            first,
            newest: None,
            seen: HashMap::new(),
        }
    }

    /// Counts all events that stand as seen. The clock of this machine does not matter: the newest event's time does.
    async fn begin(&mut self, client: &Client, filters: &AuditList) -> Result<(), Failure> {
        let newest = Walk::new(client, filters.clone()).page().await?;
        self.newest = newest.iter().flatten().map(|event| event.created_at).max();
        if self.newest.is_some() {
            let since = self.since();
            let events = Walk::new(
                client,
                AuditList {
                    since,
                    ..filters.clone()
                },
            )
            .rest()
            .await?;
            self.unseen(events);
        }
        Ok(())
    }

    /// From when on the next look asks.
    fn since(&self) -> Option<AuditSince> {
        let behind = self.newest.and_then(|newest| newest.checked_sub_signed(self.overlap));
        behind.map(AuditSince::from).max(self.first)
    }

    /// Those that were not seen, by time; from now on they count as seen.
    fn unseen(&mut self, mut events: Vec<AuditEvent>) -> Vec<AuditEvent> {
        events.retain(|event| self.seen.insert(event.id, event.created_at).is_none());
        events.sort_by_key(|event| (event.created_at, event.id));
        self.newest = self.newest.max(events.last().map(|event| event.created_at));
        if let Some(since) = self.since() {
            self.seen.retain(|_, created_at| AuditSince::from(*created_at) >= since);
        }
        events
    }
}

/// An event as a line.
fn line(event: &AuditEvent, format: OutputFormat) -> Result<String, Failure> {
    let value = output::json(event)?;
    Ok(match (format, value) {
        (OutputFormat::Table, Value::Object(properties)) => for_people(event, &properties),
        (OutputFormat::Json | OutputFormat::Table, value) => format!("{value}\n"),
    })
}

/// When and what first, then all else that is said.
fn for_people(event: &AuditEvent, properties: &Map<String, Value>) -> String {
    let time = event.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut line = format!("{time}  {}", Printable(event.action.as_str()));
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
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;
    use tenant_registry_client::types::AuditEvent;

    use super::Place;

    fn event(id: i64, second: u32) -> AuditEvent {
        serde_json::from_value(json!({
            "id": id,
            "action": "a",
            "created_at": format!("2026-11-23T09:30:{second:02}Z"),
        }))
        .unwrap()
    }

    fn at(second: u32) -> DateTime<Utc> {
        event(1, second).created_at
    }

    fn ids(events: &[AuditEvent]) -> Vec<i64> {
        events.iter().map(|event| event.id.get()).collect()
    }

    #[test]
    fn nothing_is_shown_twice_and_what_comes_late_is_shown() {
        let mut place = Place::new(TimeDelta::seconds(10), None);
        assert_eq!(place.since(), None);
        assert_eq!(ids(&place.unseen(vec![event(3, 12), event(1, 10)])), [1, 3]);
        assert_eq!(place.since(), Some(at(2).into()));
        // 2 had its time before 3, and was stored after it.
        assert_eq!(
            ids(&place.unseen(vec![event(4, 13), event(3, 12), event(2, 11), event(1, 10)])),
            [2, 4]
        );
        assert_eq!(
            ids(&place.unseen(vec![event(4, 13), event(3, 12), event(2, 11), event(1, 10)])),
            [0; 0]
        );
    }

    #[test]
    fn what_is_not_asked_for_any_more_is_forgotten() {
        let mut place = Place::new(TimeDelta::seconds(10), None);
        place.unseen(vec![event(1, 10), event(2, 20)]);
        assert_eq!(place.seen.len(), 2);
        place.unseen(vec![event(3, 21)]);
        assert_eq!(place.seen.len(), 2);
        assert!(!place.seen.contains_key(&event(1, 0).id));
    }

    #[test]
    fn nothing_before_the_beginning_is_asked_for() {
        let mut place = Place::new(TimeDelta::seconds(10), Some(at(5).into()));
        place.unseen(vec![event(1, 6)]);
        assert_eq!(place.since(), Some(at(5).into()));
        place.unseen(vec![event(2, 30)]);
        assert_eq!(place.since(), Some(at(20).into()));
    }
}
