//! How old the data of a standby is, found without comparing the clocks of two machines.
//!
//! The service notes the position of the primary in its write-ahead log (WAL) every second. A standby that has replayed the
//! log up to a noted position has every change that was acknowledged before the note was begun.

use super::position::{Origin, Position};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use thiserror::Error;

/// A position of the primary.
#[derive(Clone, Copy, Debug)]
struct Note {
    /// A time before the primary was asked.
    asked: Instant,
    lsn: u64,
}

/// Why the age of a standby's data is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum UnknownAge {
    #[error("the position of the primary is not known")]
    NoPrimary,
    #[error("it is a standby of another cluster than that of DATABASE_URL")]
    OtherCluster,
    #[error("DATABASE_READ_URL leads to another database or schema than DATABASE_URL")]
    OtherTables,
    #[error("its schema is not that of the primary")]
    OtherSchema,
    #[error(
        "it is on another timeline than the primary; after a failover, that changes at its next restartpoint, at most \
         checkpoint_timeout later"
    )]
    OtherTimeline,
    #[error("it is ahead of the primary, so it does not follow it")]
    AheadOfPrimary,
    #[error("it is older than DATABASE_READ_MAX_STALENESS")]
    TooOld,
}

/// The latest positions of the primary.
#[derive(Debug)]
pub(super) struct Notes {
    /// For how long a note is kept.
    kept: Duration,
    /// The origin of all notes.
    origin: Option<Origin>,
    /// Times and positions increase.
    notes: VecDeque<Note>,
}

impl Notes {
    pub(super) fn new(kept: Duration) -> Self {
        Self {
            kept,
            origin: None,
            notes: VecDeque::new(),
        }
    }

    /// Adds a position of the primary, which was asked at this time or later. The times of notes must not decrease.
    pub(super) fn add(&mut self, asked: Instant, position: Position) {
        let Position { origin, lsn } = position;
        let is_behind = self.notes.back().is_some_and(|last| lsn < last.lsn);
        if self.origin.as_ref() != Some(&origin) || is_behind {
            // It is another primary, or was restored.
            self.notes.clear();
            self.origin = Some(origin);
        }
        // A later note of the same position says more.
        if self.notes.back().is_some_and(|last| last.lsn == lsn) {
            self.notes.pop_back();
        }
        self.notes.push_back(Note { asked, lsn });
        while self
            .notes
            .front()
            .is_some_and(|first| asked.duration_since(first.asked) > self.kept)
        {
            self.notes.pop_front();
        }
    }

    /// The time until which a standby has every acknowledged change, if it had this position at `replayed_at`.
    pub(super) fn complete_until(&self, position: &Position, replayed_at: Instant) -> Result<Instant, UnknownAge> {
        let Position { origin, lsn } = position;
        let (Some(primary), Some(last)) = (&self.origin, self.notes.back()) else {
            return Err(UnknownAge::NoPrimary);
        };
        check_origin(origin, primary)?;
        if last.asked > replayed_at && last.lsn < *lsn {
            return Err(UnknownAge::AheadOfPrimary);
        }
        let following = self.notes.partition_point(|note| note.lsn <= *lsn);
        let newest = following.checked_sub(1).and_then(|index| self.notes.get(index));
        newest.map(|note| note.asked).ok_or(UnknownAge::TooOld)
    }
}

fn check_origin(standby: &Origin, primary: &Origin) -> Result<(), UnknownAge> {
    let Origin {
        system,
        timeline,
        database,
        table,
        schema,
    } = primary;
    if standby.system != *system {
        Err(UnknownAge::OtherCluster)
    } else if standby.timeline != *timeline {
        Err(UnknownAge::OtherTimeline)
    } else if (standby.database, standby.table) != (*database, *table) {
        Err(UnknownAge::OtherTables)
    } else if standby.schema != *schema {
        Err(UnknownAge::OtherSchema)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Notes, UnknownAge};
    use crate::store::postgres::connection::position::{Origin, Position};
    use proptest::prelude::{Strategy, prop_oneof, proptest};
    use std::time::{Duration, Instant};

    const KEPT: Duration = Duration::from_secs(10);

    fn origin() -> Origin {
        Origin {
            system: 1,
            timeline: 1,
            database: 1,
            table: 1,
            schema: "1".to_owned(),
        }
    }

    fn at(lsn: u64) -> Position {
        Position { origin: origin(), lsn }
    }

    /// Notes of a primary that is at each position one second after the one before.
    fn notes(start: Instant, lsns: &[u64]) -> Notes {
        let mut notes = Notes::new(KEPT);
        for (second, lsn) in (0..).zip(lsns) {
            notes.add(start + Duration::from_secs(second), at(*lsn));
        }
        notes
    }

    #[test]
    fn a_standby_is_as_new_as_the_newest_note_that_it_has_replayed() {
        let start = Instant::now();
        let notes = notes(start, &[10, 20, 20, 30]);
        for (lsn, complete) in [
            (9, Err(UnknownAge::TooOld)),
            (10, Ok(0)),
            (19, Ok(0)),
            // The primary was idle.
            (20, Ok(2)),
            (29, Ok(2)),
            (30, Ok(3)),
            // The primary has written more since the last note.
            (31, Ok(3)),
        ] {
            let complete = complete.map(|second| start + Duration::from_secs(second));
            let replayed_at = start + Duration::from_secs(4);
            assert_eq!(notes.complete_until(&at(lsn), replayed_at), complete, "{lsn}");
        }
    }

    #[test]
    fn old_notes_are_forgotten() {
        let start = Instant::now();
        let lsns: Vec<u64> = (1..=1_000).collect();
        let notes = notes(start, &lsns);
        assert_eq!(notes.notes.len(), 11);
        assert_eq!(notes.complete_until(&at(989), start), Err(UnknownAge::TooOld));
        let oldest = start + Duration::from_secs(989);
        assert_eq!(notes.complete_until(&at(990), start + KEPT * 100), Ok(oldest));
    }

    #[test]
    fn positions_of_another_origin_are_not_compared() {
        let start = Instant::now();
        let same = origin();
        let cases = [
            (
                Origin {
                    system: 2,
                    ..same.clone()
                },
                UnknownAge::OtherCluster,
            ),
            (
                Origin {
                    timeline: 2,
                    ..same.clone()
                },
                UnknownAge::OtherTimeline,
            ),
            (
                Origin {
                    database: 2,
                    ..same.clone()
                },
                UnknownAge::OtherTables,
            ),
            (
                Origin {
                    table: 2,
                    ..same.clone()
                },
                UnknownAge::OtherTables,
            ),
            (
                Origin {
                    schema: "2".to_owned(),
                    ..same
                },
                UnknownAge::OtherSchema,
            ),
        ];
        for (origin, error) in cases {
            let mut notes = notes(start, &[10]);
            let other = Position { origin, lsn: 10 };
            assert_eq!(notes.complete_until(&other, start), Err(error));
            // From now on, the primary has this origin.
            notes.add(start, other.clone());
            assert_eq!(notes.complete_until(&other, start), Ok(start));
            assert!(notes.complete_until(&at(10), start).is_err());
        }
        assert_eq!(
            Notes::new(KEPT).complete_until(&at(10), start),
            Err(UnknownAge::NoPrimary)
        );
    }

    #[test]
    fn a_standby_that_was_ahead_of_a_later_position_of_the_primary_does_not_follow_it() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let notes = notes(start, &[10, 20]);
        let ahead = Err(UnknownAge::AheadOfPrimary);
        assert_eq!(notes.complete_until(&at(21), start), ahead);
        // The primary was at this position after it was asked.
        assert_eq!(notes.complete_until(&at(21), start + second), Ok(start + second));
    }

    #[test]
    fn a_primary_that_goes_back_has_lost_changes() {
        let start = Instant::now();
        let notes = notes(start, &[10, 20, 15]);
        let second = Duration::from_secs(1);
        assert_eq!(notes.complete_until(&at(14), start), Err(UnknownAge::TooOld));
        assert_eq!(
            notes.complete_until(&at(16), start + 3 * second),
            Ok(start + 2 * second)
        );
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// The primary acknowledges a change whose record in the log has this length.
        Change(u64),
        Note,
        /// The standby replays up to so many bytes.
        Replay(u64),
        Pass(Duration),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..50_u64).prop_map(Step::Change),
            proptest::strategy::Just(Step::Note),
            (0..100_u64).prop_map(Step::Replay),
            (0..3_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        ]
    }

    proptest! {
        #[test]
        fn a_standby_has_every_change_that_was_acknowledged_before_it_is_complete(
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut now = Instant::now();
            let mut notes = Notes::new(KEPT);
            let (mut primary, mut standby) = (0, 0);
            let mut changes = Vec::new();
            for step in steps {
                match step {
                    Step::Change(length) => {
                        primary += length;
                        changes.push((now, primary));
                    }
                    Step::Note => notes.add(now, at(primary)),
                    Step::Replay(length) => standby = primary.min(standby + length),
                    Step::Pass(duration) => now += duration,
                }
                match notes.complete_until(&at(standby), now) {
                    Ok(complete) => {
                        assert!(changes.iter().all(|(acknowledged, lsn)| *acknowledged >= complete || *lsn <= standby));
                    }
                    Err(UnknownAge::NoPrimary | UnknownAge::TooOld) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}
