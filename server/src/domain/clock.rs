//! The time and the ids that the rules use.

use chrono::{DateTime, Days, SubsecRound, TimeDelta, Utc};
use std::fmt;
use std::sync::{Arc, Mutex};
use tenant_registry_contract::types::Timestamp;
use uuid::{ContextV7, Uuid};

/// Microseconds, the resolution of Postgres, so that a stored time is read back unchanged.
const SUBSECOND_DIGITS: u16 = 6;

/// The source of the time and of ids. Clones share the source.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Orders the ids of the same millisecond.
    ids: Arc<Mutex<ContextV7>>,
}

impl Clock {
    /// The clock of the operating system.
    pub fn system() -> Self {
        Self::from_fn(Utc::now)
    }

    /// A clock that calls `source` for each time.
    pub fn from_fn(source: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self {
            source: Arc::new(source),
            ids: Arc::new(Mutex::new(ContextV7::new())),
        }
    }

    /// Returns the current time, truncated to microseconds.
    pub fn now(&self) -> Timestamp {
        nearest((self.source)().trunc_subsecs(SUBSECOND_DIGITS))
    }

    /// Makes a UUIDv7 from a time. Ids increase in the order in which they are made, also within a millisecond.
    pub(crate) fn new_id(&self, now: Timestamp) -> Uuid {
        let now = now.get();
        // A UUIDv7 has no times before 1970.
        let seconds = now.timestamp().try_into().unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(
            &*self.ids,
            seconds,
            now.timestamp_subsec_nanos(),
        ))
    }
}

/// The time that is some days after another. At the end of the year 9999, the last possible time.
pub(crate) fn days_after(time: Timestamp, days: Days) -> Timestamp {
    nearest(time.get() + days)
}

/// The time that is some seconds after another. At the end of the year 9999, the last possible time.
pub(crate) fn seconds_after(time: Timestamp, seconds: u32) -> Timestamp {
    nearest(time.get() + TimeDelta::seconds(seconds.into()))
}

/// The nearest possible time.
fn nearest(time: DateTime<Utc>) -> Timestamp {
    let bound = if time < Timestamp::MIN.get() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::try_from(time).unwrap_or(bound)
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, days_after};
    use chrono::{DateTime, Days, Utc};
    use tenant_registry_contract::types::Timestamp;

    #[test]
    fn ids_have_the_time_of_the_clock_and_increase() {
        let now: DateTime<Utc> = "2026-03-01T12:00:00.123456Z".parse().unwrap();
        let clock = Clock::from_fn(move || now);
        let ids = [(); 100].map(|()| clock.new_id(clock.now()));
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        for id in ids {
            let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
            assert_eq!(seconds, now.timestamp().unsigned_abs());
            assert_eq!(nanoseconds / 1_000_000, now.timestamp_subsec_millis());
        }
    }

    #[test]
    fn a_time_outside_the_years_of_rfc_3339_becomes_the_nearest_one() {
        let clock = Clock::from_fn(|| DateTime::<Utc>::MAX_UTC);
        assert_eq!(clock.now(), Timestamp::MAX);
        assert_eq!(days_after(clock.now(), Days::new(14)), Timestamp::MAX);
        assert_eq!(Clock::from_fn(|| DateTime::<Utc>::MIN_UTC).now(), Timestamp::MIN);
    }
}
