//! A bounded queue with a lane for each key. Lanes take turns, so a caller that fills one lane delays only that lane.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A lane of the queue.
pub(super) trait Lane: Clone + Eq + Hash {
    /// Whether the lane is served before those that are not urgent. An urgent lane has at most one item in progress, because any
    /// caller can fill it with wrong secrets. The others together have at most half of the queue.
    fn is_urgent(&self) -> bool;
}

/// The queue is full, or the lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The result of waiting for work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<L, T> {
    /// The first item of a lane. An urgent lane hands out no other item until [`FairQueue::done`] is called.
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
    /// Urgent lanes with a waiting item and none in progress, in the order of their turns.
    urgent_turns: VecDeque<L>,
    /// Other lanes with a waiting item, in the order of their turns.
    other_turns: VecDeque<L>,
    /// Urgent lanes with an item in progress.
    busy: HashSet<L>,
    /// The number of items that wait or are in progress.
    count: usize,
    /// As many of them as are not urgent.
    other_count: usize,
    is_closed: bool,
}

impl<L: Lane, T> Lanes<L, T> {
    /// Takes the next item.
    fn take(&mut self) -> Option<(L, T)> {
        while let Some(lane) = self.urgent_turns.pop_front().or_else(|| self.other_turns.pop_front()) {
            let Some(waiting) = self.waiting.get_mut(&lane) else {
                continue;
            };
            let item = waiting.pop_front();
            let is_empty = waiting.is_empty();
            if lane.is_urgent() {
                self.busy.insert(lane.clone());
            } else if is_empty {
                self.waiting.remove(&lane);
            } else {
                self.other_turns.push_back(lane.clone());
            }
            if let Some(item) = item {
                return Some((lane, item));
            }
        }
        None
    }

    fn is_idle(&self) -> bool {
        self.urgent_turns.is_empty() && self.other_turns.is_empty()
    }
}

impl<L: Lane, T> FairQueue<L, T> {
    pub(super) fn new(capacity: usize, lane_capacity: usize) -> Self {
        Self {
            lanes: Mutex::new(Lanes {
                waiting: HashMap::new(),
                urgent_turns: VecDeque::new(),
                other_turns: VecDeque::new(),
                busy: HashSet::new(),
                count: 0,
                other_count: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
            capacity,
            lane_capacity,
        }
    }

    /// Appends an item to a lane.
    pub(super) fn push(&self, lane: L, item: T) -> Result<(), Full> {
        let is_urgent = lane.is_urgent();
        let mut lanes = self.lanes();
        let is_full = lanes.count >= self.capacity || (!is_urgent && lanes.other_count >= self.capacity.div_ceil(2));
        if is_full || lanes.is_closed {
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
        if !is_urgent {
            lanes.other_count += 1;
            if is_first {
                lanes.other_turns.push_back(lane);
            }
            self.changed.notify_one();
        } else if is_first && !is_busy {
            lanes.urgent_turns.push_back(lane);
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for work, up to `timeout`.
    pub(super) fn next(&self, timeout: Duration) -> Next<L, T> {
        let mut lanes = self.lanes();
        loop {
            if let Some((lane, item)) = lanes.take() {
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
            if timed_out.timed_out() && lanes.is_idle() && !lanes.is_closed {
                return Next::Idle;
            }
        }
    }

    /// Marks an item in progress of a lane as done. The next item of an urgent lane queues behind the other urgent lanes.
    pub(super) fn done(&self, lane: L) {
        let mut lanes = self.lanes();
        lanes.count -= 1;
        if !lane.is_urgent() {
            lanes.other_count -= 1;
            return;
        }
        lanes.busy.remove(&lane);
        if lanes.waiting.get(&lane).is_some_and(|waiting| !waiting.is_empty()) {
            lanes.urgent_turns.push_back(lane);
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
    use super::{FairQueue, Full, Lane, Next};
    use std::time::Duration;

    const NOW: Duration = Duration::ZERO;

    impl Lane for char {
        fn is_urgent(&self) -> bool {
            self.is_lowercase()
        }
    }

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
    fn an_urgent_lane_has_at_most_one_item_in_progress() {
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

    #[test]
    fn urgent_lanes_go_first_and_the_others_take_turns() {
        let queue = FairQueue::new(100, 100);
        for (lane, item) in [('A', 0), ('A', 1), ('B', 0), ('B', 1), ('a', 0), ('a', 1)] {
            queue.push(lane, item).unwrap();
        }
        let order = [('a', 0), ('a', 1), ('A', 0), ('B', 0), ('A', 1), ('B', 1)];
        assert_eq!(drain(&queue), order);
    }

    #[test]
    fn a_lane_that_is_not_urgent_uses_all_threads() {
        let queue = FairQueue::new(100, 100);
        queue.push('A', 1).unwrap();
        queue.push('A', 2).unwrap();
        assert_eq!(queue.next(NOW), Next::Work('A', 1));
        assert_eq!(queue.next(NOW), Next::Work('A', 2));
        queue.done('A');
        queue.done('A');
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn lanes_that_are_not_urgent_leave_room() {
        let queue = FairQueue::new(4, 4);
        queue.push('A', 1).unwrap();
        queue.push('B', 2).unwrap();
        assert_eq!(queue.push('C', 3), Err(Full));
        queue.push('a', 4).unwrap();
        assert_eq!(queue.next(NOW), Next::Work('a', 4));
        queue.done('a');
        assert_eq!(queue.next(NOW), Next::Work('A', 1));
        assert_eq!(queue.push('C', 3), Err(Full), "an item in progress counts");
        queue.done('A');
        queue.push('C', 3).unwrap();
    }
}
