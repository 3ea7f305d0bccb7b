//! A bounded queue of many lines that are served in turn: whoever fills one line waits behind himself alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// There is no room: in all, or in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What a server gets that asks for work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<L, T> {
    /// The first of a line. No other of the line is given out before [`FairQueue::done`] is said for it.
    Work(L, T),
    /// Nothing came in the time given.
    Idle,
    /// Nothing will come any more.
    Closed,
}

/// Lines of type `L`, in which `T` wait.
pub(super) struct FairQueue<L, T> {
    lines: Mutex<Lines<L, T>>,
    changed: Condvar,
    /// The most that wait and are served, in all.
    room: usize,
    /// The most that wait in one line.
    line_room: usize,
}

struct Lines<L, T> {
    waiting: HashMap<L, VecDeque<T>>,
    /// Lines with somebody who waits and nobody who is served, in the order of their turns.
    turns: VecDeque<L>,
    served: HashSet<L>,
    /// How many wait or are served.
    count: usize,
    is_closed: bool,
}

impl<L: Clone + Eq + Hash, T> FairQueue<L, T> {
    pub(super) fn new(room: usize, line_room: usize) -> Self {
        Self {
            lines: Mutex::new(Lines {
                waiting: HashMap::new(),
                turns: VecDeque::new(),
                served: HashSet::new(),
                count: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
            room,
            line_room,
        }
    }

    /// Joins a line.
    pub(super) fn push(&self, line: L, item: T) -> Result<(), Full> {
        let mut lines = self.lines();
        if lines.count >= self.room || lines.is_closed {
            return Err(Full);
        }
        let is_served = lines.served.contains(&line);
        let waiting = lines.waiting.entry(line.clone()).or_default();
        if waiting.len() >= self.line_room {
            return Err(Full);
        }
        waiting.push_back(item);
        let is_first = waiting.len() == 1;
        lines.count += 1;
        if is_first && !is_served {
            lines.turns.push_back(line);
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for work, so long at most.
    pub(super) fn next(&self, at_most: Duration) -> Next<L, T> {
        let mut lines = self.lines();
        loop {
            if let Some(line) = lines.turns.pop_front() {
                let waiting = lines.waiting.get_mut(&line);
                let Some(item) = waiting.and_then(VecDeque::pop_front) else {
                    continue;
                };
                lines.served.insert(line.clone());
                return Next::Work(line, item);
            }
            if lines.is_closed {
                return Next::Closed;
            }
            let (later, timed_out) = self
                .changed
                .wait_timeout(lines, at_most)
                .unwrap_or_else(PoisonError::into_inner);
            lines = later;
            if timed_out.timed_out() && lines.turns.is_empty() && !lines.is_closed {
                return Next::Idle;
            }
        }
    }

    /// One of the line was served; the next of it takes its turn behind the other lines.
    pub(super) fn done(&self, line: L) {
        let mut lines = self.lines();
        lines.served.remove(&line);
        lines.count -= 1;
        if lines.waiting.get(&line).is_some_and(|waiting| !waiting.is_empty()) {
            lines.turns.push_back(line);
            self.changed.notify_one();
        } else {
            lines.waiting.remove(&line);
        }
    }

    /// Takes nobody in any more; those who wait are served.
    pub(super) fn close(&self) {
        self.lines().is_closed = true;
        self.changed.notify_all();
    }

    /// How many wait or are served.
    pub(super) fn len(&self) -> usize {
        self.lines().count
    }

    /// A thread that panicked while it held the lock left whole lines: nothing in between can panic.
    fn lines(&self) -> MutexGuard<'_, Lines<L, T>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{FairQueue, Full, Next};
    use std::time::Duration;

    const NOW: Duration = Duration::ZERO;

    fn served(queue: &FairQueue<char, u32>) -> Vec<(char, u32)> {
        let mut served = Vec::new();
        while let Next::Work(line, item) = queue.next(NOW) {
            served.push((line, item));
            queue.done(line);
        }
        served
    }

    #[test]
    fn lines_take_turns_however_long_they_are() {
        let queue = FairQueue::new(100, 100);
        for item in 0..5 {
            queue.push('a', item).unwrap();
        }
        queue.push('b', 0).unwrap();
        queue.push('c', 0).unwrap();
        let order = served(&queue);
        assert_eq!(order[..3], [('a', 0), ('b', 0), ('c', 0)]);
        assert_eq!(order[3..], [('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn one_of_a_line_is_served_at_once() {
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
    fn room_ends_in_a_line_and_in_all() {
        let queue = FairQueue::new(3, 2);
        queue.push('a', 1).unwrap();
        queue.push('a', 2).unwrap();
        assert_eq!(queue.push('a', 3), Err(Full), "the line is full");
        queue.push('b', 4).unwrap();
        assert_eq!(queue.push('c', 5), Err(Full), "all is full");
        assert_eq!(queue.next(NOW), Next::Work('a', 1));
        assert_eq!(queue.push('c', 5), Err(Full), "who is served takes room too");
        queue.done('a');
        queue.push('c', 5).unwrap();
    }

    #[test]
    fn who_waits_when_it_closes_is_served() {
        let queue = FairQueue::new(3, 3);
        queue.push('a', 1).unwrap();
        queue.close();
        assert_eq!(queue.push('a', 2), Err(Full));
        assert_eq!(queue.next(NOW), Next::Work('a', 1));
        queue.done('a');
        assert_eq!(queue.next(NOW), Next::Closed);
    }
}
