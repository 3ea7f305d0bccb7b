//! Waiting for something to become so, with an end.

use std::future::Future;
use std::time::{Duration, Instant};

/// Long enough for a machine that does something else meanwhile.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again, until the answer is something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "in {DEADLINE:?} this did not come: {what}");
        tokio::task::yield_now().await;
    }
}
