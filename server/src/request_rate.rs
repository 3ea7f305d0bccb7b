//! How often a caller may ask: each has a rate of their own, so that one who runs wild is turned away and the others are
//! served.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_registry_contract::types::{ActorId, ConstraintError, RequestCount, RetryAfterSeconds};

/// Callers whose rate is whole again are forgotten each time that so many requests came.
const FORGOTTEN_EVERY: usize = 65_536;

/// So many requests a second, and what callers are told of it, made before anybody calls: a value that the spec does not
/// allow stops the start.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    a_second: NonZeroU32,
    /// How many may come at once: those of a second.
    pub at_once: RequestCount,
    /// How many are left to who is turned away.
    pub left: RequestCount,
    /// How long it takes at most until one may come, and until all of them may.
    pub second: RetryAfterSeconds,
}

impl RateLimit {
    /// So many for each caller.
    ///
    /// # Errors
    /// More than the spec's headers can carry.
    pub fn per_second(requests: NonZeroU32) -> Result<Self, ConstraintError> {
        Ok(Self {
            a_second: requests,
            at_once: requests.to_string().parse()?,
            left: RequestCount::try_from(0)?,
            second: RetryAfterSeconds::try_from(1)?,
        })
    }
}

/// The requests that each caller may still send.
pub struct RequestRate {
    limit: RateLimit,
    limiter: DefaultKeyedRateLimiter<ActorId>,
    asked: AtomicUsize,
}

impl RequestRate {
    /// Nobody has called yet.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            limiter: RateLimiter::keyed(Quota::per_second(limit.a_second)),
            asked: AtomicUsize::new(0),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// There is one too many; this limit says so.
    pub fn count(&self, caller: &ActorId) -> Result<(), RateLimit> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGOTTEN_EVERY == FORGOTTEN_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(caller).map_err(|_| self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::{RateLimit, RequestRate};
    use std::num::NonZeroU32;
    use tenant_registry_contract::types::ActorId;

    fn actor(name: &str) -> ActorId {
        ActorId::try_from(name).unwrap()
    }

    #[test]
    fn each_caller_has_a_rate_of_their_own() {
        let limit = RateLimit::per_second(NonZeroU32::new(5).unwrap()).unwrap();
        let rate = RequestRate::new(limit);
        let counted = (0..100).filter(|_| rate.count(&actor("ada")).is_ok()).count();
        // Those of a second, and what came back meanwhile.
        assert!((5..10).contains(&counted), "{counted}");
        assert!(rate.count(&actor("grace")).is_ok());
    }

    #[test]
    fn what_the_headers_cannot_carry_is_no_limit() {
        assert!(RateLimit::per_second(NonZeroU32::MAX).is_err());
    }
}
