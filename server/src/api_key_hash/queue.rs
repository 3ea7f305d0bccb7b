//! A bounded queue with a lane for each key. Lanes take turns, so a caller that fills one lane delays only that lane.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The queue is full, or the lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The result of waiting for work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<L, T> {
    /// The first item of a lane. The lane hands out no other item until [`FairQueue::done`] is called.
    Work(L, T),
    /// No item arrived in time.
    Idle,
    /// The queue is closed and empty.
    Closed,
}

/// A queue of items `T` in lanes that are identified by `L`.
pub(super) struct FairQueue<L, T> {
    lanes: Mutex<Lanes<L, T>>,
    changed: Condvar,
    /// The maximum number of items that wait or are being processed, in all lanes.
    capacity: usize,
    /// The maximum number of items that wait in one lane.
    lane_capacity: usize,
}

struct Lanes<L, T> {
    waiting: HashMap<L, VecDeque<T>>,
    /// Lanes with a waiting item and none in progress, in the order of their turns.
    turns: VecDeque<L>,
    /// Lanes with an item in progress.
    busy: HashSet<L>,
    /// The number of items that wait or are in progress.
    count: usize,
    is_closed: bool,
}

impl<L: Clone + Eq + Hash, T> FairQueue<L, T> {
    pub(super) fn new(capacity: usize, lane_capacity: usize) -> Self {
        Self {
            lanes: Mutex::new(Lanes {
                waiting: HashMap::new(),
                turns: VecDeque::new(),
                busy: HashSet::new(),
                count: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
            capacity,
            lane_capacity,
        }
    }

    /// Appends an item to a lane.
    pub(super) fn push(&self, lane: L, item: T) -> Result<(), Full> {
        let mut lanes = self.lanes();
        if lanes.count >= self.capacity || lanes.is_closed {
            return Err(Full);
        }
        let is_busy = lanes.busy.contains(&lane);
        let waiting = lanes.waiting.entry(lane.clone()).or_default();
        if waiting.len() >= self.lane_capacity {
            return Err(Full);
        }
        waiting.push_back(item);
        let is_first = waiting.len() == 1;
        lanes.count += 1;
        if is_first && !is_busy {
            lanes.turns.push_back(lane);
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for work, up to `timeout`.
    pub(super) fn next(&self, timeout: Duration) -> Next<L, T> {
        let mut lanes = self.lanes();
        loop {
            if let Some(lane) = lanes.turns.pop_front() {
                let waiting = lanes.waiting.get_mut(&lane);
                let Some(item) = waiting.and_then(VecDeque::pop_front) else {
                    continue;
                };
                lanes.busy.insert(lane.clone());
                return Next::Work(lane, item);
            }
            if lanes.is_closed {
                return Next::Closed;
            }
            let (later, timed_out) = self
                .changed
                .wait_timeout(lanes, timeout)
                .unwrap_or_else(PoisonError::into_inner);
            lanes = later;
            if timed_out.timed_out() && lanes.turns.is_empty() && !lanes.is_closed {
                return Next::Idle;
            }
        }
    }

    /// Marks the item in progress of a lane as done. The lane's next item queues behind the other lanes.
    pub(super) fn done(&self, lane: L) {
        let mut lanes = self.lanes();
        lanes.busy.remove(&lane);
        lanes.count -= 1;
        if lanes.waiting.get(&lane).is_some_and(|waiting| !waiting.is_empty()) {
            lanes.turns.push_back(lane);
            self.changed.notify_one();
        } else {
            lanes.waiting.remove(&lane);
        }
    }

    /// Accepts no more items. Items that wait are still handed out.
    pub(super) fn close(&self) {
        self.lanes().is_closed = true;
        self.changed.notify_all();
    }

    /// The number of items that wait or are in progress.
    pub(super) fn len(&self) -> usize {
        self.lanes().count
    }

    /// Locks the lanes. A poisoned lock is safe to use: the code under the lock cannot panic between two changes.
    fn lanes(&self) -> MutexGuard<'_, Lanes<L, T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{FairQueue, Full, Next};
    use std::time::Duration;

    const NOW: Duration = Duration::ZERO;

    fn drain(queue: &FairQueue<char, u32>) -> Vec<(char, u32)> {
        let mut drained = Vec::new();
        while let Next::Work(lane, item) = queue.next(NOW) {
            drained.push((lane, item));
            queue.done(lane);
        }
        drained
    }

    #[test]
    fn lanes_take_turns_however_long_they_are() {
        let queue = FairQueue::new(100, 100);
        for item in 0..5 {
            queue.push('a', item).unwrap();
        }
        queue.push('b', 0).unwrap();
        queue.push('c', 0).unwrap();
        let order = drain(&queue);
        assert_eq!(order[..3], [('a', 0), ('b', 0), ('c', 0)]);
        assert_eq!(order[3..], [('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_lane_has_at_most_one_item_in_progress() {
        let queue = FairQueue::new(100, 100);
        queue.push('a', 1).unwrap();
        queue.push('a', 2).unwrap();
        queue.push('b', 3).unwrap();
        assert_eq!(queue.next(NOW), Next::Work('a', 1));
        assert_eq!(queue.next(NOW), Next::Work('b', 3));
        assert_eq!(queue.next(NOW), Next::Idle);
        queue.done('a');
        assert_eq!(queue.next(NOW), Next::Work('a', 2));
    }

    #[test]
    fn a_lane_and_the_queue_have_a_capacity() {
        let queue = FairQueue::new(3, 2);
        queue.push('a', 1).unwrap();
        queue.push('a', 2).unwrap();
        assert_eq!(queue.push('a', 3), Err(Full), "the lane is full");
        queue.push('b', 4).unwrap();
        assert_eq!(queue.push('c', 5), Err(Full), "the queue is full");
        assert_eq!(queue.next(NOW), Next::Work('a', 1));
        assert_eq!(queue.push('c', 5), Err(Full), "an item in progress counts");
        queue.done('a');
        queue.push('c', 5).unwrap();
    }

    #[test]
    fn items_that_wait_when_the_queue_closes_are_handed_out() {
        let queue = FairQueue::new(3, 3);
        queue.push('a', 1).unwrap();
        queue.close();
        assert_eq!(queue.push('a', 2), Err(Full));
        assert_eq!(queue.next(NOW), Next::Work('a', 1));
        queue.done('a');
        assert_eq!(queue.next(NOW), Next::Closed);
    }
}
