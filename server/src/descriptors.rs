//! How many descriptors the process may have open, and with that how many connections callers may hold.
//!
//! dropshot accepts by itself and lets nobody count, so that the kernel does: without a free descriptor a connection is not
//! accepted, dropshot tries again after 100 ms, and the caller waits in the kernel's queue.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;
use tracing::warn;

/// What is open besides callers' connections and those to the database: the runtime's own, listeners, scrapes, files.
const OWN: u64 = 64;
/// What connecting to a database opens at once: the socket, and what resolves the host's name.
const FOR_A_CONNECTION: usize = 3;

/// The limit could not be set.
#[derive(Debug, Error)]
#[error(
    "--max-connections <MAX_CONNECTIONS> {connections}: the limit of descriptors cannot be set to {wanted}: {reason}"
)]
pub struct LimitError {
    connections: u32,
    wanted: u64,
    reason: rustix::io::Errno,
}

/// Lets callers hold so many connections, while there are so many to the database. The limit of the process (RLIMIT_NOFILE)
/// is raised or lowered to it; where the hard limit is lower, that one counts, and the log says so.
///
/// # Errors
/// When the kernel refuses.
pub fn limit_connections(connections: u32, to_database: usize) -> Result<(), LimitError> {
    let to_database = u64::try_from(to_database.saturating_mul(1 + FOR_A_CONNECTION)).unwrap_or(u64::MAX);
    let needed = to_database.saturating_add(OWN);
    let wanted = needed.saturating_add(u64::from(connections));
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum.map_or(wanted, |hard| hard.min(wanted));
    if current < wanted {
        warn!(
            "the hard limit of descriptors leaves callers {} connections, not {connections}: raise it (LimitNOFILE) to {wanted}",
            current.saturating_sub(needed)
        );
    }
    let limit = Rlimit {
        current: Some(current),
        maximum,
    };
    setrlimit(Resource::Nofile, limit).map_err(|reason| LimitError {
        connections,
        wanted: current,
        reason,
    })
}

/// Descriptors that are held for connections to the database, so that one that broke can be made anew while callers hold
/// all others.
#[derive(Debug)]
pub struct Reserve {
    size: usize,
    held: Mutex<Vec<File>>,
}

impl Reserve {
    /// Enough for so many connections that are made at once.
    pub fn for_connections(connections: usize) -> Self {
        let reserve = Self {
            size: connections.saturating_mul(FOR_A_CONNECTION),
            held: Mutex::default(),
        };
        reserve.refill();
        reserve
    }

    /// Frees what a connection needs. Callers whom dropshot has just found no room for wait 100 ms; whoever connects now
    /// comes before them.
    pub fn lend(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let left = held.len().saturating_sub(FOR_A_CONNECTION);
        held.truncate(left);
    }

    /// Holds again what was lent, as far as there are free ones.
    pub fn refill(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.len() < self.size {
            match File::open("/dev/null") {
                Ok(file) => held.push(file),
                Err(_) => break,
            }
        }
    }
}
