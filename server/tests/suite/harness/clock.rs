//! A clock that a test sets.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use std::sync::{Arc, Mutex};
use tenant_registry_server::domain::clock::Clock;

/// A settable clock. Clones share the time.
#[derive(Clone)]
pub(crate) struct SettableClock(Arc<Mutex<DateTime<Utc>>>);

impl SettableClock {
    /// Starts at a time with microseconds, so that a test notices if they are lost.
    pub(crate) fn new() -> Self {
        let start = Utc.with_ymd_and_hms(2026, 11, 23, 9, 30, 0).unwrap();
        Self(Arc::new(Mutex::new(start + TimeDelta::microseconds(123_456))))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub(crate) fn set(&self, time: DateTime<Utc>) {
        *self.0.lock().unwrap() = time;
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }

    /// The clock for the service.
    pub(crate) fn for_service(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }
}
