//! The threads that hash, each with the memory of one hash.

use super::argon2id::Memory;
use super::queue::{FairQueue, Next};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tenant_registry_contract::types::ApiKeyPrefix;

/// Something to hash. What it returns tells the asker, and is called when the place in the queue is free again: who is told
/// may come back at once.
pub(super) type Job = Box<dyn FnOnce(&mut Memory) -> Tell + Send>;

pub(super) type Tell = Box<dyn FnOnce()>;

pub(super) type Queue = FairQueue<ApiKeyPrefix, Job>;

/// After so long without work a thread overwrites its memory. Not after each hash: under load that would be one more pass
/// over it, and the next hash overwrites it as well.
const ZEROED_AFTER: Duration = Duration::from_millis(100);

/// After so long without work a thread gives its memory back.
const GIVEN_BACK_AFTER: Duration = Duration::from_secs(60);

/// How much the threads stand back behind all others: what needs no hash, the warm verify above all, goes first.
const NICENESS: i32 = 15;

/// Starts the threads. They end when the queue is closed and empty.
pub(super) fn start(count: usize, queue: &Arc<Queue>) -> io::Result<()> {
    for number in 0..count {
        let queue = Arc::clone(queue);
        thread::Builder::new()
            .name(format!("api-key-hash-{number}"))
            .spawn(move || work(&queue))?;
    }
    Ok(())
}

fn work(queue: &Queue) {
    // On Linux this is the thread's own; where it is refused, hashing takes its equal share.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let mut memory = Memory::default();
    let mut last_work = Instant::now();
    loop {
        match queue.next(ZEROED_AFTER) {
            Next::Work(line, job) => {
                let tell = job(&mut memory);
                queue.done(line);
                tell();
                last_work = Instant::now();
            }
            Next::Idle if last_work.elapsed() > GIVEN_BACK_AFTER => memory.give_back(),
            Next::Idle => memory.zero(),
            Next::Closed => return,
        }
    }
}
