//! The readiness of the store. Everyone may ask for it without a token, so the number of callers must not decide how often
//! the store is asked.

use super::error::Failure;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a result is used again.
const VALID_FOR: Duration = Duration::from_secs(1);

/// The last result, and when it was found.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), Failure>)>>);

impl Readiness {
    /// Returns the last result, or the result of `ask` if the last one is too old at `now`. Concurrent callers wait for one
    /// result.
    pub(super) async fn get(
        &self,
        now: Instant,
        ask: impl AsyncFnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut last = self.0.lock().await;
        if let Some((found_at, result)) = &*last
            && now.saturating_duration_since(*found_at) < VALID_FOR
        {
            return result.clone();
        }
        let result = ask().await;
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Readiness, VALID_FOR};
    use crate::records::InternalDetail;
    use futures_util::future::join_all;
    use std::cell::Cell;
    use std::time::Instant;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn concurrent_callers_ask_the_store_once_a_second() {
        let (readiness, asked) = (Readiness::default(), Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            yield_now().await;
            Ok(())
        };
        let now = Instant::now();
        let results = join_all((0..100).map(|_| readiness.get(now, ask))).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(asked.get(), 1);
        readiness.get(Instant::now() + VALID_FOR, ask).await.unwrap();
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn a_failure_begins_and_ends_within_a_second() {
        let readiness = Readiness::default();
        let failed = async || Err(Failure::Unavailable(InternalDetail::new("down")));
        readiness.get(Instant::now(), async || Ok(())).await.unwrap();
        assert!(readiness.get(Instant::now() + VALID_FOR, failed).await.is_err());
        assert!(readiness.get(Instant::now(), async || Ok(())).await.is_err());
        let later = Instant::now() + VALID_FOR;
        assert!(readiness.get(later, async || Ok(())).await.is_ok());
    }
}
