//! Lets callers take turns at reading pages.

use super::active_callers::ActiveCallers;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// The permits of a caller for each processor. A small page takes one.
const PERMITS_PER_PROCESSOR: u32 = 2;

/// The permits that a large page takes. A caller has at least as many.
const LARGE_PAGE: u32 = 4;

/// A page of more bytes is large.
const SMALL_PAGE_BYTES: usize = 64 * 1024;

/// Bounds how many pages each caller reads at the same time: two for each processor, but only a quarter of that once its pages
/// are large, which is one page with two processors. What a large page takes of the database and of the processors delays
/// everyone. The size of a page is known only after it was read, so the last one decides.
#[derive(Debug)]
pub(crate) struct PageTurns<K> {
    callers: ActiveCallers<K, Pages>,
    permits: u32,
}

/// The pages of a caller.
#[derive(Debug)]
struct Pages {
    permits: Semaphore,
    /// Whether the last one was large.
    are_large: AtomicBool,
}

/// The page may be read until this value is dropped.
#[derive(Debug)]
pub(crate) struct PageTurn {
    pages: Arc<Pages>,
    permits: u32,
}

impl<K: Eq + Hash> PageTurns<K> {
    pub(crate) fn new(processors: usize) -> Self {
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        Self {
            callers: ActiveCallers::default(),
            permits: processors.saturating_mul(PERMITS_PER_PROCESSOR).max(LARGE_PAGE),
        }
    }

    /// Waits for the turn of the caller.
    pub(crate) async fn wait(&self, caller: K) -> PageTurn {
        let pages = self.callers.get_or_insert(caller, || Pages {
            permits: Semaphore::new(self.permits as usize),
            are_large: AtomicBool::new(false),
        });
        let permits = if pages.are_large.load(Ordering::Relaxed) {
            LARGE_PAGE
        } else {
            1
        };
        if let Ok(taken) = pages.permits.acquire_many(permits).await {
            // The turn returns them. The semaphore is never closed, so there are no errors.
            taken.forget();
        }
        PageTurn { pages, permits }
    }
}

impl PageTurn {
    /// Ends the turn with a page of this many bytes.
    pub(crate) fn end(self, bytes: usize) {
        self.pages.are_large.store(bytes > SMALL_PAGE_BYTES, Ordering::Relaxed);
    }
}

impl Drop for PageTurn {
    fn drop(&mut self) {
        self.pages.permits.add_permits(self.permits as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::{PageTurn, PageTurns, SMALL_PAGE_BYTES};
    use futures_util::FutureExt;
    use std::iter;
    use std::sync::Arc;

    /// The turns that a caller gets without waiting.
    fn take_all(turns: &PageTurns<u8>, caller: u8) -> Vec<PageTurn> {
        iter::from_fn(|| turns.wait(caller).now_or_never()).collect()
    }

    #[test]
    fn small_pages_are_read_at_the_same_time() {
        for (processors, expected) in [(1, 4), (2, 4), (32, 64)] {
            let turns = PageTurns::new(processors);
            let first = take_all(&turns, 0);
            assert_eq!(first.len(), expected);
            assert_eq!(take_all(&turns, 1).len(), expected, "of another caller");
            drop(first);
            assert_eq!(take_all(&turns, 0).len(), expected);
        }
    }

    #[test]
    fn fewer_large_pages_are_read_at_the_same_time() {
        for (processors, of_large_pages, of_small_pages) in [(1, 1, 4), (2, 1, 4), (32, 16, 64)] {
            let turns = PageTurns::new(processors);
            let first = turns.wait(0).now_or_never().unwrap();
            let _not_forgotten = Arc::clone(&first.pages);
            first.end(SMALL_PAGE_BYTES + 1);
            let mut large = take_all(&turns, 0);
            assert_eq!(large.len(), of_large_pages);
            large.pop().unwrap().end(SMALL_PAGE_BYTES);
            drop(large);
            assert_eq!(take_all(&turns, 0).len(), of_small_pages);
        }
    }
}
