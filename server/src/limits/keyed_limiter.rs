//! A rate limiter with a separate quota for each key.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limits how often each key may be used. It drops keys with a full quota from time to time, so that its memory does not
/// grow with every key it has ever seen.
pub(crate) struct KeyedLimiter<K: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<K>,
    checks: AtomicUsize,
    sweep_interval: usize,
}

impl<K: Clone + Eq + Hash> KeyedLimiter<K> {
    /// Creates a limiter that drops idle keys once every `sweep_interval` checks.
    pub(crate) fn new(quota: Quota, sweep_interval: usize) -> Self {
        Self {
            limiter: RateLimiter::keyed(quota),
            checks: AtomicUsize::new(0),
            sweep_interval,
        }
    }

    /// Takes one use from the quota of the key. Returns false when the quota is exhausted.
    pub(crate) fn try_acquire(&self, key: &K) -> bool {
        if self.checks.fetch_add(1, Ordering::Relaxed) % self.sweep_interval == self.sweep_interval - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::KeyedLimiter;
    use governor::Quota;
    use std::num::NonZeroU32;

    #[test]
    fn each_key_has_a_separate_quota() {
        let limiter = KeyedLimiter::new(Quota::per_minute(NonZeroU32::new(10).unwrap()), 1_024);
        let acquired = (0..100).filter(|_| limiter.try_acquire(&1)).count();
        // The burst of ten, and what was refilled meanwhile.
        assert!((10..20).contains(&acquired), "{acquired}");
        assert!(limiter.try_acquire(&2));
    }

    #[test]
    fn keys_with_a_full_quota_are_dropped() {
        let sweep_interval = 1_024;
        let quota = Quota::per_minute(NonZeroU32::MAX).allow_burst(NonZeroU32::MIN);
        let limiter = KeyedLimiter::new(quota, sweep_interval);
        for key in 0..5 * sweep_interval {
            limiter.try_acquire(&key);
        }
        assert!(limiter.limiter.len() <= sweep_interval, "{}", limiter.limiter.len());
    }
}
