//! How often a caller may ask: each has a rate of their own, so that one who runs wild is turned away and the others are
//! served.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tenant_registry_contract::types::ActorId;

/// Callers whose rate is whole again are forgotten each time that so many requests came.
const FORGOTTEN_EVERY: usize = 65_536;

/// The requests that each caller may still send: those of a second at once, and as many in each second after it.
pub struct RequestRate {
    limiter: DefaultKeyedRateLimiter<ActorId>,
    clock: DefaultClock,
    asked: AtomicUsize,
}

impl RequestRate {
    /// So many a second for each caller.
    pub fn new(a_second: NonZeroU32) -> Self {
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::keyed(Quota::per_second(a_second)),
            clock,
            asked: AtomicUsize::new(0),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// There is one too many; this long it takes until the next may come.
    pub fn count(&self, caller: &ActorId) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGOTTEN_EVERY == FORGOTTEN_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(caller)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestRate;
    use std::num::NonZeroU32;
    use std::time::Duration;
    use tenant_registry_contract::types::ActorId;

    fn actor(name: &str) -> ActorId {
        ActorId::try_from(name).unwrap()
    }

    #[test]
    fn each_caller_has_a_rate_of_their_own() {
        let rate = RequestRate::new(NonZeroU32::new(5).unwrap());
        let counted = (0..100).filter(|_| rate.count(&actor("ada")).is_ok()).count();
        // Those of a second, and what came back meanwhile.
        assert!((5..10).contains(&counted), "{counted}");
        assert_eq!(rate.count(&actor("grace")), Ok(()));
    }

    #[test]
    fn who_is_turned_away_is_told_for_how_long() {
        let rate = RequestRate::new(NonZeroU32::MIN);
        assert_eq!(rate.count(&actor("ada")), Ok(()));
        let wait = rate.count(&actor("ada")).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
    }
}
