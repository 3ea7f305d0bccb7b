//! The service and its rival as processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use test_support::Log;

use crate::error::Error;
use crate::process::{self, Memory};

/// A running service, or its rival. Dropping this value shuts it down.
#[derive(Debug)]
pub(crate) struct ServiceProcess {
    /// `None` only while it is dropped.
    process: Option<test_support::ServiceProcess>,
    id: u32,
    pub(crate) address: SocketAddr,
}

/// The binary with an environment that has only `DATABASE_URL`.
fn command(binary: &Path, database_url: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("DATABASE_URL", database_url)
        .stdin(Stdio::null());
    command
}

/// Migrates a database.
pub(crate) fn migrate(binary: &Path, database_url: &str) -> Result<(), Error> {
    let output = command(binary, database_url)
        .arg("migrate")
        .output()
        .map_err(Error::file(binary))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Program {
        program: "tenant-registry migrate",
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl ServiceProcess {
    /// Starts the service. It accepts requests when this returns.
    pub(crate) fn start(binary: &Path, database_url: &str, hash_permits: usize) -> Result<Self, Error> {
        let mut command = command(binary, database_url);
        command.arg("serve").env("HASH_PERMITS", hash_permits.to_string());
        Self::run(command)
    }

    /// Starts the rival, which has no settings.
    pub(crate) fn start_by_hand(binary: &Path, database_url: &str) -> Result<Self, Error> {
        Self::run(command(binary, database_url))
    }

    fn run(command: Command) -> Result<Self, Error> {
        // The service writes a log line for each request, which is part of its costs. Reading the lines is not.
        let process = test_support::ServiceProcess::start(command, Log::Discarded)?;
        Ok(Self {
            id: process.id(),
            address: process.address(),
            process: Some(process),
        })
    }

    /// The processor time that it has used so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Error> {
        process::processor_time(self.id)
    }

    /// Its memory in MiB.
    pub(crate) fn memory_mib(&self, memory: Memory) -> Result<f64, Error> {
        process::memory_mib(self.id, memory)
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            // A service that does not end is killed.
            let _ = process.stop();
        }
    }
}
