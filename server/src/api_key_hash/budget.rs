//! How often the keys of one prefix are hashed: who knows a prefix can try secrets at this rate, and costs no more than it.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_registry_contract::types::ApiKeyPrefix;

/// Prefixes whose budget is whole again are forgotten each time that so many were asked for.
const FORGOTTEN_EVERY: usize = 1_024;

/// How often secrets are hashed to be held against the keys of one prefix.
#[derive(Clone, Copy, Debug)]
pub struct PrefixBudget {
    /// Each minute, in the long run.
    pub a_minute: NonZeroU32,
    /// At once, after a time of rest.
    pub burst: NonZeroU32,
}

impl Default for PrefixBudget {
    /// Ten at once, and ten a minute: a right secret needs one for each process, and is remembered. While a processor
    /// hashes for whoever tries wrong ones, others wait for it.
    fn default() -> Self {
        Self {
            a_minute: NonZeroU32::MIN.saturating_add(9),
            burst: NonZeroU32::MIN.saturating_add(9),
        }
    }
}

/// Hashes that each prefix still has.
pub(super) struct Budget {
    limiter: DefaultKeyedRateLimiter<ApiKeyPrefix>,
    asked: AtomicUsize,
}

impl Budget {
    pub(super) fn new(PrefixBudget { a_minute, burst }: PrefixBudget) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(a_minute).allow_burst(burst)),
            asked: AtomicUsize::new(0),
        }
    }

    /// Takes one hash from the budget of the prefix, if it has one left.
    pub(super) fn takes(&self, prefix: &ApiKeyPrefix) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGOTTEN_EVERY == FORGOTTEN_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(prefix).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, FORGOTTEN_EVERY, PrefixBudget};
    use std::num::NonZeroU32;
    use tenant_registry_contract::types::ApiKeyPrefix;

    fn prefix(number: usize) -> ApiKeyPrefix {
        ApiKeyPrefix::try_from(format!("bp_{number:0>8}")).unwrap()
    }

    #[test]
    fn each_prefix_has_a_budget_of_its_own() {
        let budget = Budget::new(PrefixBudget::default());
        let taken = (0..100).filter(|_| budget.takes(&prefix(1))).count();
        // Ten, and what came back meanwhile.
        assert!((10..20).contains(&taken), "{taken}");
        assert!(budget.takes(&prefix(2)));
    }

    #[test]
    fn prefixes_that_are_whole_again_are_forgotten() {
        let budget = Budget::new(PrefixBudget {
            a_minute: NonZeroU32::MAX,
            burst: NonZeroU32::MIN,
        });
        for number in 0..5 * FORGOTTEN_EVERY {
            budget.takes(&prefix(number));
        }
        assert!(budget.limiter.len() <= FORGOTTEN_EVERY, "{}", budget.limiter.len());
    }
}
