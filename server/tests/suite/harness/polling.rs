//! Waits until something has happened.

use std::future::Future;
use std::time::Instant;

pub(crate) use test_support::DEADLINE;

/// Calls `ask` until it returns something; fails at the deadline.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(event: &str, mut ask: impl FnMut() -> F) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {event}");
        tokio::task::yield_now().await;
    }
}
