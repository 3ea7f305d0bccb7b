//! Removes the servers and files that killed test runs have left behind.

use crate::processes;
use rustix::event::Timespec;
use rustix::process::Signal;
use std::fs;
use std::path::Path;

/// The prefix of the directory of a throw-away cluster; the id of its process and a number follow.
pub(crate) const PREFIX: &str = "tenant-registry-postgres-";

/// How long a server may take to end before its files are removed.
const END_LIMIT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Stops each server whose test run has ended, and removes its files.
pub(crate) fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        if owner.is_some_and(|owner| !processes::is_alive(owner)) {
            if let Some(server) = processes::of_data_directory(&entry.path().join("data")) {
                processes::signal(server, Signal::QUIT);
                // It writes to its files until it ends.
                processes::wait_for_end(server, END_LIMIT);
            }
            // Another test run may remove it at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
