//! Divides a resource among the callers that use it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many times as much as what is free a caller may hold.
const FACTOR: u128 = 15;

/// A resource of which each caller gets a share, such as the requests that may run.
///
/// A caller may hold up to fifteen times as much as what is then free. A caller that is alone thus gets 15/16 of the resource,
/// and each of `n` callers that want as much as they can get gets 15/(15`n` + 1). The rest is free for callers that hold
/// nothing yet. A caller that holds more than that, because it was alone before, gets nothing more until it has returned enough,
/// while the others can take what it returns.
///
/// It follows that
/// - a caller that holds nothing is only rejected if less is free than it wants,
/// - whatever a caller can take, a caller that holds less can take, too.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    total: usize,
    holdings: Mutex<Holdings<K>>,
}

#[derive(Debug)]
struct Holdings<K> {
    sum: usize,
    /// What each caller holds; never zero.
    by_caller: HashMap<K, usize>,
}

/// Why a caller gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShare {
    /// The caller would have more than its share among the callers that hold something.
    Exceeded,
    /// Too little is free, although the caller would have no more than its share.
    Exhausted,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Creates a resource of this size, all of which is free.
    pub(crate) fn new(total: usize) -> Self {
        let by_caller = HashMap::new();
        Self {
            total,
            holdings: Mutex::new(Holdings { sum: 0, by_caller }),
        }
    }

    /// Takes an amount for a caller.
    pub(crate) fn take(self: &Arc<Self>, caller: K, amount: usize) -> Result<Taken<K>, NoShare> {
        let mut taken = Taken {
            shares: Arc::clone(self),
            caller,
            amount: 0,
        };
        taken.resize(amount)?;
        Ok(taken)
    }

    /// Whether the caller holds more than half of what it may hold.
    pub(crate) fn is_mostly_used_by(&self, caller: &K) -> bool {
        let holdings = self.holdings();
        let (held, free) = (holdings.held(caller), self.total.saturating_sub(holdings.sum));
        2 * held as u128 > FACTOR * free as u128
    }

    fn holdings(&self) -> MutexGuard<'_, Holdings<K>> {
        // The sum and the parts are changed together, without anything that can panic in between.
        self.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Holdings<K> {
    fn held(&self, caller: &K) -> usize {
        self.by_caller.get(caller).copied().unwrap_or_default()
    }

    /// Whether the caller can take this amount of the resource, which has `total`.
    fn check(&self, total: usize, caller: &K, amount: usize) -> Result<(), NoShare> {
        let (held, free) = (self.held(caller), total.saturating_sub(self.sum));
        // The products may not fit into `usize`.
        let wanted = held as u128 + amount as u128;
        if amount == 0 || amount <= free && wanted <= FACTOR * free as u128 {
            return Ok(());
        }
        let callers = self.by_caller.len() as u128;
        Err(
            if held > 0 && wanted * (FACTOR * callers + 1) > FACTOR * total as u128 {
                NoShare::Exceeded
            } else {
                NoShare::Exhausted
            },
        )
    }

    fn add(&mut self, caller: &K, amount: usize) {
        if amount > 0 {
            self.sum += amount;
            *self.by_caller.entry(caller.clone()).or_default() += amount;
        }
    }

    fn remove(&mut self, caller: &K, amount: usize) {
        if let Some(held) = self.by_caller.get_mut(caller) {
            self.sum -= amount;
            *held -= amount;
            if *held == 0 {
                self.by_caller.remove(caller);
            }
        }
    }
}

/// What a caller has taken. Dropping it returns it.
#[derive(Debug)]
pub(crate) struct Taken<K: Eq + Hash + Clone> {
    shares: Arc<Shares<K>>,
    caller: K,
    amount: usize,
}

impl<K: Eq + Hash + Clone> Taken<K> {
    /// Takes more or returns some, so that this is the amount. If there is no room for more, it stays what it is.
    pub(crate) fn resize(&mut self, amount: usize) -> Result<(), NoShare> {
        let mut holdings = self.shares.holdings();
        if let Some(more) = amount.checked_sub(self.amount) {
            holdings.check(self.shares.total, &self.caller, more)?;
            holdings.add(&self.caller, more);
        } else {
            holdings.remove(&self.caller, self.amount - amount);
        }
        self.amount = amount;
        Ok(())
    }
}

impl<K: Eq + Hash + Clone> Drop for Taken<K> {
    fn drop(&mut self) {
        self.shares.holdings().remove(&self.caller, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::{NoShare, Shares, Taken};
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use std::iter;
    use std::sync::Arc;

    /// As much as a caller can take, in single units.
    fn take_all(shares: &Arc<Shares<u8>>, caller: u8) -> Vec<Taken<u8>> {
        iter::from_fn(|| shares.take(caller, 1).ok()).collect()
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take { caller: u8, amount: usize },
        Resize { index: usize, amount: usize },
        Return { index: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..5_u8, 1..20_usize).prop_map(|(caller, amount)| Step::Take { caller, amount }),
            (any::<usize>(), 0..20_usize).prop_map(|(index, amount)| Step::Resize { index, amount }),
            any::<usize>().prop_map(|index| Step::Return { index }),
        ]
    }

    proptest! {
        #[test]
        fn the_law_holds_after_any_steps(
            total in 1..200_usize,
            steps in proptest::collection::vec(step(), 0..200),
            amount in 1..20_usize,
        ) {
            let shares = Arc::new(Shares::new(total));
            let mut taken: Vec<Taken<u8>> = Vec::new();
            for step in steps {
                match step {
                    Step::Take { caller, amount } => taken.extend(shares.take(caller, amount).ok()),
                    Step::Resize { index, amount } if !taken.is_empty() => {
                        let index = index % taken.len();
                        // It may be rejected, and changes nothing then.
                        let _outcome = taken[index].resize(amount);
                    }
                    Step::Return { index } if !taken.is_empty() => drop(taken.swap_remove(index % taken.len())),
                    Step::Resize { .. } | Step::Return { .. } => {}
                }
                let sum: usize = taken.iter().map(|it| it.amount).sum();
                assert!(sum <= total);
                let held = |caller| taken.iter().filter(|it| it.caller == caller).map(|it| it.amount).sum::<usize>();
                let can_take = |caller| shares.take(caller, amount).is_ok();
                // 5 holds nothing.
                assert_eq!(can_take(5), amount <= total - sum, "a caller that holds nothing");
                for (one, other) in (0..6).flat_map(|one| (0..6).map(move |other| (one, other))) {
                    if held(one) <= held(other) && can_take(other) {
                        assert!(can_take(one), "{one} holds no more than {other}");
                    }
                }
            }
            drop(taken);
            let holdings = shares.holdings();
            assert_eq!((holdings.sum, holdings.by_caller.len()), (0, 0), "everything is returned");
        }

        #[test]
        fn a_caller_that_is_alone_gets_all_but_a_sixteenth(total in 1..5_000_usize) {
            let shares = Arc::new(Shares::new(total));
            assert_eq!(take_all(&shares, 0).len(), total - total / 16);
        }
    }

    #[test]
    fn callers_that_compete_end_with_equal_shares() {
        for (total, callers) in [100, 128, 1024]
            .into_iter()
            .flat_map(|total| (2..6_u8).map(move |it| (total, it)))
        {
            let shares = Arc::new(Shares::new(total));
            // The first caller came before the others, and holds nearly everything.
            let mut taken: Vec<Vec<Taken<u8>>> = (0..callers).map(|caller| take_all(&shares, caller)).collect();
            // A request that ends leaves room for another one. The first caller is the first to try.
            for _ in 0..4 * total {
                let longest = (0..taken.len())
                    .max_by_key(|caller| taken[*caller].len())
                    .unwrap_or_default();
                drop(taken[longest].pop());
                for caller in 0..callers {
                    taken[usize::from(caller)].extend(shares.take(caller, 1).ok());
                }
            }
            let equal = total * 15 / (15 * usize::from(callers) + 1);
            for held in taken.iter().map(Vec::len) {
                assert!(held.abs_diff(equal) <= 15, "{held} of {total}, not {equal}");
            }
        }
    }

    #[test]
    fn a_rejected_caller_learns_whether_it_has_more_than_its_part() {
        let shares = Arc::new(Shares::new(64));
        let first = take_all(&shares, 0);
        assert_eq!(first.len(), 60);
        assert_eq!(shares.take(0, 1).err(), Some(NoShare::Exceeded));
        let rest = shares.take(1, 4);
        assert!(rest.is_ok());
        assert_eq!(shares.take(2, 1).err(), Some(NoShare::Exhausted));
        drop(first);
        assert!(shares.take(2, 1).is_ok());
    }

    #[test]
    fn a_share_is_mostly_used_before_it_is_exceeded() {
        let shares = Arc::new(Shares::new(128));
        let mut taken = shares.take(0, 112).unwrap();
        assert!(!shares.is_mostly_used_by(&0));
        taken.resize(113).unwrap();
        assert!(shares.is_mostly_used_by(&0) && shares.take(0, 4).is_ok());
        let _all = shares.take(1, 15);
        assert!(!shares.is_mostly_used_by(&2));
    }

    #[test]
    fn an_amount_that_cannot_grow_stays_what_it_is() {
        let shares = Arc::new(Shares::new(16));
        let mut taken = shares.take(0, 10).unwrap();
        assert_eq!(taken.resize(17), Err(NoShare::Exceeded));
        assert_eq!(taken.amount, 10);
        taken.resize(2).unwrap();
        assert_eq!(shares.take(1, 14).map(|it| it.amount), Ok(14));
    }
}
