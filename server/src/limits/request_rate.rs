//! The limit on how many requests each caller may send per second.

use super::KeyedLimiter;
use governor::Quota;
use std::num::NonZeroU32;
use tenant_registry_contract::types::{ActorId, ConstraintError, RequestCount, RetryAfterSeconds};

/// How many requests pass between two sweeps of idle callers.
const SWEEP_INTERVAL: usize = 65_536;

/// The limit that applies to each caller, and the values of the rate limit headers. They are computed at startup, so that
/// a limit the headers cannot carry stops the start.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    per_second: NonZeroU32,
    /// The number of requests that may arrive at once, which is the number per second.
    pub limit: RequestCount,
    /// The number of requests that a rejected caller has left, which is zero.
    pub remaining: RequestCount,
    /// The time until the full limit is available again, which is one second.
    pub reset: RetryAfterSeconds,
}

impl RateLimit {
    /// Creates a limit of this many requests per second for each caller.
    ///
    /// # Errors
    /// Fails if the spec's headers cannot carry the number.
    pub fn new(per_second: NonZeroU32) -> Result<Self, ConstraintError> {
        Ok(Self {
            per_second,
            limit: per_second.to_string().parse()?,
            remaining: RequestCount::try_from(0)?,
            reset: RetryAfterSeconds::try_from(1)?,
        })
    }
}

/// Counts the requests of each caller against the limit.
pub struct RequestRateLimiter {
    limit: RateLimit,
    limiter: KeyedLimiter<ActorId>,
}

impl RequestRateLimiter {
    /// Creates a limiter in which every caller has its full limit.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            limiter: KeyedLimiter::new(Quota::per_second(limit.per_second), SWEEP_INTERVAL),
        }
    }

    /// Counts a request of the caller.
    ///
    /// # Errors
    /// Returns the limit if the caller has exceeded it.
    pub fn check(&self, caller: &ActorId) -> Result<(), RateLimit> {
        if self.limiter.try_acquire(caller) {
            Ok(())
        } else {
            Err(self.limit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RateLimit, RequestRateLimiter};
    use std::num::NonZeroU32;
    use tenant_registry_contract::types::ActorId;

    fn actor(name: &str) -> ActorId {
        ActorId::try_from(name).unwrap()
    }

    #[test]
    fn each_caller_has_a_separate_limit() {
        let limit = RateLimit::new(NonZeroU32::new(5).unwrap()).unwrap();
        let limiter = RequestRateLimiter::new(limit);
        let accepted = (0..100).filter(|_| limiter.check(&actor("ada")).is_ok()).count();
        // The burst of one second, and what was refilled meanwhile.
        assert!((5..10).contains(&accepted), "{accepted}");
        assert!(limiter.check(&actor("grace")).is_ok());
    }

    #[test]
    fn a_limit_that_the_headers_cannot_carry_is_an_error() {
        assert!(RateLimit::new(NonZeroU32::MAX).is_err());
    }
}
