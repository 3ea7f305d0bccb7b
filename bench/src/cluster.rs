//! The Postgres that is measured: a server of our own, which waits for its disk as one in production does.

use std::path::{Path, PathBuf};

use test_support::postgres::{Cluster, ClusterSettings};

use crate::error::Error;

/// What the server is set to, beside its defaults.
pub(crate) const SETTINGS: [&str; 7] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=1GB",
    "max_connections=300",
    "jit=off",
    "max_wal_size=8GB",
];

/// Starts it, on the files of earlier runs where there are any.
pub(crate) fn start() -> Result<Cluster, Error> {
    let settings = SETTINGS.map(str::to_owned).to_vec();
    Ok(Cluster::kept(
        &directory(),
        ClusterSettings {
            settings,
            files: Vec::new(),
        },
    )?)
}

/// Where the data sets stay: a place that the user of the server can enter.
fn directory() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    Path::new("/var/tmp").join(format!("tenant-registry-bench-{user}"))
}
