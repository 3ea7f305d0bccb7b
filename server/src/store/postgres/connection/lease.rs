//! The lease of the primary: how long the service may use its connections.
//!
//! Patroni's primary holds a lock in etcd, with a lease that it renews. No standby is promoted before the lease has ended.
//! The service asks etcd how much is left, and by its own clock uses the primary for less than that.

use crate::store::postgres::error::DbError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much earlier than etcd the service ends a lease, because the clocks of two machines do not run equally fast.
const MARGIN: Duration = Duration::from_secs(1);

/// The longest time that is counted. In a longer one, the clocks could differ by more than the margin.
const MAX_LEFT: Duration = Duration::from_secs(300);

/// Returns when the service ends a lease. Etcd was asked at `asked` or later, and responded that this much is left.
pub(super) fn end(asked: Instant, left: Duration) -> Instant {
    asked + left.min(MAX_LEFT).saturating_sub(MARGIN)
}

/// The end of a lease. Renewals postpone it.
#[derive(Debug)]
pub(in crate::store::postgres) struct Deadline {
    /// A time before the end.
    base: Instant,
    /// The end, in nanoseconds after `base`.
    end: AtomicU64,
}

impl Deadline {
    pub(super) fn new(now: Instant, end: Instant) -> Self {
        let deadline = Self {
            base: now,
            end: AtomicU64::new(0),
        };
        deadline.postpone(end);
        deadline
    }

    /// An earlier end than the current one has no effect: etcd does not shorten a lease.
    pub(super) fn postpone(&self, end: Instant) {
        let end = end.saturating_duration_since(self.base).as_nanos();
        self.end
            .fetch_max(u64::try_from(end).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Ends the lease now.
    pub(super) fn pass(&self) {
        self.end.store(0, Ordering::Relaxed);
    }

    /// The time until the end. Zero from the end on.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let end = Duration::from_nanos(self.end.load(Ordering::Relaxed));
        end.saturating_sub(now.saturating_duration_since(self.base))
    }
}

/// How long connections may be used.
#[derive(Clone, Debug)]
pub(in crate::store::postgres) enum Lease {
    /// For any time: the service does not ask etcd.
    Unlimited,
    /// Until the deadline.
    Limited(Arc<Deadline>),
}

impl Lease {
    /// Checks that the connections may be used now. A result that arrived before this check is not older than the lease.
    pub(in crate::store::postgres) fn check(&self) -> Result<(), DbError> {
        match self.left() {
            Some(left) if left.is_zero() => Err(ended()),
            Some(_) | None => Ok(()),
        }
    }

    /// The time until the lease ends, if it is limited.
    pub(in crate::store::postgres) fn left(&self) -> Option<Duration> {
        match self {
            Self::Unlimited => None,
            Self::Limited(deadline) => Some(deadline.left(Instant::now())),
        }
    }
}

/// The error while the service may not use any host.
pub(super) fn ended() -> DbError {
    DbError::Unavailable("etcd has not confirmed which host is the primary".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Lease, MAX_LEFT, end};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_ends_a_second_before_that_of_etcd() {
        let asked = Instant::now();
        for (left, valid) in [(20, 19), (2, 1), (1, 0), (0, 0)] {
            assert_eq!(end(asked, seconds(left)), asked + seconds(valid), "{left}");
        }
    }

    #[test]
    fn a_lease_of_any_length_ends() {
        let asked = Instant::now();
        assert_eq!(end(asked, Duration::MAX), asked + MAX_LEFT - seconds(1));
    }

    #[test]
    fn time_passes_until_the_end() {
        let now = Instant::now();
        let deadline = Deadline::new(now, now + seconds(10));
        for (passed, left) in [(0, 10), (9, 1), (10, 0), (1_000, 0)] {
            assert_eq!(deadline.left(now + seconds(passed)), seconds(left), "{passed}");
        }
        assert!(!deadline.left(now + seconds(10) - Duration::from_nanos(1)).is_zero());
    }

    #[test]
    fn a_renewal_postpones_the_end_and_a_late_response_does_not_shorten_it() {
        let now = Instant::now();
        let deadline = Deadline::new(now, now + seconds(10));
        deadline.postpone(now + seconds(15));
        assert_eq!(deadline.left(now), seconds(15));
        deadline.postpone(now + seconds(12));
        assert_eq!(deadline.left(now), seconds(15));
    }

    #[test]
    fn a_lease_that_had_ended_already_can_be_renewed() {
        let now = Instant::now();
        let deadline = Deadline::new(now + seconds(5), now);
        assert!(deadline.left(now + seconds(5)).is_zero());
        deadline.postpone(now + seconds(8));
        assert_eq!(deadline.left(now + seconds(5)), seconds(3));
    }

    #[test]
    fn connections_cannot_be_used_after_the_lease_has_passed() {
        let now = Instant::now();
        let deadline = Arc::new(Deadline::new(now, now + seconds(1_000)));
        let lease = Lease::Limited(Arc::clone(&deadline));
        assert!(lease.check().is_ok() && lease.left() > Some(seconds(900)));
        deadline.pass();
        assert!(lease.check().is_err());
        assert_eq!(lease.left(), Some(Duration::ZERO));
    }

    #[test]
    fn an_unlimited_lease_has_no_end() {
        assert!(Lease::Unlimited.check().is_ok());
        assert_eq!(Lease::Unlimited.left(), None);
    }
}
