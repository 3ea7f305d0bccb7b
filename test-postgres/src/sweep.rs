//! What tests that were killed have left behind: servers that still run, and their files.

use crate::processes;
use rustix::event::Timespec;
use rustix::process::Signal;
use std::fs;
use std::path::Path;

/// How the directory of a throw-away cluster begins; the process that owns it, and a number, follow.
pub(crate) const PREFIX: &str = "tenant-registry-postgres-";

/// How long a server gets to end before its files are removed under it.
const END_LIMIT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Ends each server whose owner is gone, and removes its files.
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
                // It writes its files to the last.
                processes::wait_for_end(server, END_LIMIT);
            }
            // Another run may be sweeping as well.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
