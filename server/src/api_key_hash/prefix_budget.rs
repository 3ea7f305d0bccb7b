//! The limit on how often secrets are hashed for the keys of one prefix.
//!
//! Anyone who knows a prefix can guess secrets at this rate, and can use no more processor time than this.

use crate::limits::KeyedLimiter;
use governor::Quota;
use std::num::NonZeroU32;
use tenant_registry_contract::types::ApiKeyPrefix;

/// How many checks pass between two sweeps of idle prefixes.
const SWEEP_INTERVAL: usize = 1_024;

/// How often secrets are hashed for the keys of one prefix.
#[derive(Clone, Copy, Debug)]
pub struct PrefixBudget {
    /// The long-term rate.
    pub per_minute: NonZeroU32,
    /// The number of hashes that are available at once after a period without any.
    pub burst: NonZeroU32,
}

impl Default for PrefixBudget {
    /// Ten per minute, with a burst of ten. A correct secret needs one hash in each process and is then cached. Hashing
    /// wrong secrets keeps a processor from serving other callers.
    fn default() -> Self {
        Self {
            per_minute: NonZeroU32::MIN.saturating_add(9),
            burst: NonZeroU32::MIN.saturating_add(9),
        }
    }
}

impl PrefixBudget {
    pub(super) fn limiter(self) -> KeyedLimiter<ApiKeyPrefix> {
        let Self { per_minute, burst } = self;
        KeyedLimiter::new(Quota::per_minute(per_minute).allow_burst(burst), SWEEP_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::PrefixBudget;
    use tenant_registry_contract::types::ApiKeyPrefix;

    #[test]
    fn each_prefix_has_a_separate_budget_of_ten() {
        let prefix = |number: usize| ApiKeyPrefix::try_from(format!("bp_{number:0>8}")).unwrap();
        let limiter = PrefixBudget::default().limiter();
        let acquired = (0..100).filter(|_| limiter.try_acquire(&prefix(1))).count();
        // The burst of ten, and what was refilled meanwhile.
        assert!((10..20).contains(&acquired), "{acquired}");
        assert!(limiter.try_acquire(&prefix(2)));
    }
}
