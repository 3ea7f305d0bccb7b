//! The Postgres that is measured. It syncs to disk, as in production.

use std::path::{Path, PathBuf};

use test_support::postgres::{Cluster, ClusterSettings};

use crate::error::Error;

/// The settings that differ from the defaults.
pub(crate) const SETTINGS: [&str; 7] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=1GB",
    "max_connections=400",
    "jit=off",
    "max_wal_size=8GB",
];

/// Starts the server on the files of earlier runs, if any.
pub(crate) fn start(directory: Option<&Path>) -> Result<Cluster, Error> {
    let directory = directory.map_or_else(default_directory, Path::to_owned);
    let settings = SETTINGS.map(str::to_owned).to_vec();
    Ok(Cluster::kept(
        &directory,
        ClusterSettings {
            settings,
            files: Vec::new(),
        },
    )?)
}

/// The directory of the data sets, which the server's user can enter.
fn default_directory() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    Path::new("/var/tmp").join(format!("tenant-registry-bench-{user}"))
}
