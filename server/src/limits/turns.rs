//! Lets callers take turns at work that occupies a processor.

use super::active_callers::ActiveCallers;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Work that runs for each caller one piece at a time, and for only a few callers at the same time. A caller waits for at most
/// one piece of work of each other caller, however much work they have.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    running: Arc<Semaphore>,
    /// One permit for each caller.
    callers: ActiveCallers<K, Semaphore>,
}

/// The work may run until this value is dropped. The semaphores are never closed, so there are no errors.
#[derive(Debug)]
pub(crate) struct Turn {
    _running: Result<OwnedSemaphorePermit, AcquireError>,
    _of_caller: Result<OwnedSemaphorePermit, AcquireError>,
}

impl<K: Eq + Hash> Turns<K> {
    /// Lets this many callers work at the same time.
    pub(crate) fn new(callers: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(callers)),
            callers: ActiveCallers::default(),
        }
    }

    /// Waits for the turn of the caller.
    pub(crate) async fn wait(&self, caller: K) -> Turn {
        // A caller takes its place among the others when its earlier work has ended.
        let of_caller = self.callers.get_or_insert(caller, || Semaphore::new(1));
        let of_caller = of_caller.acquire_owned().await;
        Turn {
            _running: Arc::clone(&self.running).acquire_owned().await,
            _of_caller: of_caller,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;
    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use std::iter;
    use std::pin::pin;
    use std::sync::Mutex;

    #[tokio::test]
    async fn a_caller_waits_for_one_piece_of_work_of_each_other_caller() {
        let (turns, order) = (Turns::new(1), Mutex::new(Vec::new()));
        let work = async |caller: u8| {
            let _turn = turns.wait(caller).await;
            order.lock().unwrap().push(caller);
        };
        let first = turns.wait(0).await;
        let mut waiting = pin!(join_all(iter::repeat_n(0, 10).chain([1, 2]).map(work)));
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        waiting.await;
        assert_eq!(order.lock().unwrap()[..3], [1, 2, 0]);
    }
}
