//! The limit on open file descriptors, which limits how many connections callers may hold.
//!
//! dropshot accepts connections itself and offers no way to count them, so the kernel enforces the limit: without a free
//! descriptor, a connection is not accepted. dropshot retries after 100 ms, and the caller waits in the kernel's queue.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;
use tracing::warn;

/// Descriptors for everything except callers' and database connections: the runtime, listeners, metrics requests, files.
const OTHER_DESCRIPTORS: u64 = 64;
/// Descriptors that one connection attempt to the database opens: the socket, and those for resolving the host name.
const PER_CONNECTION_ATTEMPT: usize = 3;

/// The limit could not be set.
#[derive(Debug, Error)]
#[error("--max-connections <MAX_CONNECTIONS> {connections}: cannot set the limit of open files to {wanted}: {reason}")]
pub struct LimitError {
    connections: u32,
    wanted: u64,
    reason: rustix::io::Errno,
}

/// Allows callers to hold this many connections, next to this many connections to the database. Sets the soft limit of
/// open files (RLIMIT_NOFILE) accordingly, up or down. If the hard limit is lower, the hard limit applies and the log says
/// so.
///
/// # Errors
/// Fails if the kernel rejects the new limit.
pub fn limit_connections(connections: u32, to_database: usize) -> Result<(), LimitError> {
    let to_database = u64::try_from(to_database.saturating_mul(1 + PER_CONNECTION_ATTEMPT)).unwrap_or(u64::MAX);
    let reserved = to_database.saturating_add(OTHER_DESCRIPTORS);
    let wanted = reserved.saturating_add(u64::from(connections));
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum.map_or(wanted, |hard| hard.min(wanted));
    if current < wanted {
        warn!(
            "the hard limit of open files leaves room for {} connections, not {connections}: raise it (LimitNOFILE) to {wanted}",
            current.saturating_sub(reserved)
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

/// Descriptors that are held back for connections to the database, so that a broken connection can be replaced while
/// callers hold all other descriptors.
#[derive(Debug)]
pub struct Reserve {
    size: usize,
    held: Mutex<Vec<File>>,
}

impl Reserve {
    /// Reserves enough descriptors to open this many connections at the same time.
    pub fn for_connections(connections: usize) -> Self {
        let reserve = Self {
            size: connections.saturating_mul(PER_CONNECTION_ATTEMPT),
            held: Mutex::default(),
        };
        reserve.refill();
        reserve
    }

    /// Frees the descriptors for one connection attempt. The attempt comes first: dropshot waits 100 ms before it tries
    /// again to accept a caller.
    pub fn lend(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = held.len().saturating_sub(PER_CONNECTION_ATTEMPT);
        held.truncate(remaining);
    }

    /// Reserves the lent descriptors again, as far as there are free ones.
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
