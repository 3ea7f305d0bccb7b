//! The threads that compute hashes, each with the memory for one hash.

use super::argon2id::Memory;
use super::queue::{FairQueue, Lane, Next};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tenant_registry_contract::types::{ApiKeyPrefix, TenantId};

/// A hash to compute. It returns the function that sends the result to the caller. The worker calls that function after it
/// has freed the slot in the queue, because the caller may send its next request at once.
pub(super) type Job = Box<dyn FnOnce(&mut Memory) -> SendResult + Send>;

pub(super) type SendResult = Box<dyn FnOnce()>;

/// The hashes that take turns with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum HashLane {
    /// Checks of keys with this prefix.
    Check(ApiKeyPrefix),
    /// New keys of this tenant.
    Create(TenantId),
}

impl Lane for HashLane {
    /// A check comes from a request of a product, which waits for it.
    fn is_urgent(&self) -> bool {
        match self {
            Self::Check(_) => true,
            Self::Create(_) => false,
        }
    }
}

pub(super) type Queue = FairQueue<HashLane, Job>;

/// An idle thread returns its memory to the system after this time. It does not do so after each hash: under load, the next
/// one reuses the memory.
const RELEASE_AFTER: Duration = Duration::from_millis(100);

/// The nice value of the threads. Requests that need no hash, above all verifications of cached keys, run first.
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
    // On Linux this applies to the current thread. If it fails, the thread keeps the normal priority.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let mut memory = Memory::new();
    loop {
        match queue.next(RELEASE_AFTER) {
            Next::Work(lane, job) => {
                let send_result = job(&mut memory);
                queue.done(lane);
                send_result();
            }
            Next::Idle => memory.release(),
            Next::Closed => return,
        }
    }
}
