//! The limit on open file descriptors, which must leave room for the connections of callers.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;
use tracing::warn;

/// Descriptors for everything except callers' and database connections: the runtime, listeners, metrics requests, files.
const OTHER_DESCRIPTORS: u64 = 128;
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

/// Makes room for this many connections of callers, next to this many connections to the database: raises the soft limit of
/// open files (RLIMIT_NOFILE) if it is too low. Returns how many connections there is room for. If the hard limit is too
/// low, there are fewer, and the log says so.
///
/// # Errors
/// Fails if the kernel rejects the new limit.
pub fn make_room(connections: u32, to_database: usize) -> Result<usize, LimitError> {
    let to_database = u64::try_from(to_database.saturating_mul(1 + PER_CONNECTION_ATTEMPT)).unwrap_or(u64::MAX);
    let reserved = to_database.saturating_add(OTHER_DESCRIPTORS);
    let wanted = reserved.saturating_add(u64::from(connections));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let limit = maximum.map_or(wanted, |hard| hard.min(wanted));
    if current.is_some_and(|current| current < limit) {
        let limit = Rlimit {
            current: Some(limit),
            maximum,
        };
        setrlimit(Resource::Nofile, limit).map_err(|reason| LimitError {
            connections,
            wanted,
            reason,
        })?;
    }
    // Without any room, no caller could connect. The reserve is an estimate, so one connection is tried.
    let room = limit.saturating_sub(reserved).max(1);
    if limit < wanted {
        warn!(
            "the hard limit of open files leaves room for {room} connections, not {connections}: raise it (LimitNOFILE) to {wanted}"
        );
    }
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}
