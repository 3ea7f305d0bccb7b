//! Finds processes, waits for them and sends them signals.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process};
use std::fs;
use std::path::Path;

/// Whether a process runs. A zombie does not.
pub(crate) fn is_alive(id: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let has_ended = status
        .rsplit_once(')')
        .is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'));
    !has_ended && Pid::from_raw(id).is_some_and(|id| test_kill_process(id).is_ok())
}

/// Sends a signal; nothing happens if the process has ended.
pub(crate) fn signal(id: i32, signal: Signal) {
    if let Some(id) = Pid::from_raw(id) {
        let _ = kill_process(id, signal);
    }
}

/// Waits until a process ends, but no longer than the limit.
pub(crate) fn wait_for_end(id: i32, limit: Timespec) {
    let Some(process) = Pid::from_raw(id).and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok()) else {
        return;
    };
    // It becomes readable when the process ends: pidfd_open(2).
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    let _ = retry_on_intr(|| poll(&mut ended, Some(&limit)));
}

/// The first process of the Postgres server that runs on a data directory, from its lock file.
pub(crate) fn of_data_directory(data: &Path) -> Option<i32> {
    let lock = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let id = lock.lines().next()?.trim().parse().ok()?;
    // Another program may have got the id since.
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    name.starts_with("postgres").then_some(id)
}

/// A process and its children.
pub(crate) fn family(parent: i32) -> Vec<i32> {
    let mut family = vec![parent];
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    family.extend(processes.filter_map(|process| {
        let id: i32 = process.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may contain anything; the parent is the second field after it.
        let (_, fields) = status.rsplit_once(')')?;
        let its_parent: i32 = fields.split_whitespace().nth(1)?.parse().ok()?;
        (its_parent == parent).then_some(id)
    }));
    family
}
