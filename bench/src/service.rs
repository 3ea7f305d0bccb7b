//! The service as a process, started as an operator starts it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::process::{self, Memory};

/// A service that serves; dropping it ends it in order.
#[derive(Debug)]
pub(crate) struct Service {
    process: Child,
    /// Kept open, so that the service can go on writing.
    _said: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// The binary, in an environment that sets nothing but the database.
fn command(binary: &Path, database_url: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("DATABASE_URL", database_url)
        .stdin(Stdio::null());
    command
}

/// Brings a database's schema up to date.
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
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl Service {
    /// Starts the service. When this returns, it takes requests.
    pub(crate) fn start(binary: &Path, database_url: &str, hash_permits: usize) -> Result<Self, Error> {
        let mut process = command(binary, database_url)
            .arg("serve")
            .env("BIND_ADDR", "127.0.0.1:0")
            .env("HASH_PERMITS", hash_permits.to_string())
            .stdout(Stdio::piped())
            // It writes a line for each request, which costs what it costs; where the lines go is not measured.
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::file(binary))?;
        let said = process.stdout.take().map(BufReader::new);
        let mut line = String::new();
        let address = match said {
            Some(mut said) => match said.read_line(&mut line) {
                Ok(_) => address(&line).map(|address| (said, address)),
                Err(_) => None,
            },
            None => None,
        };
        let Some((said, address)) = address else {
            // What it would have said is not kept, since the log goes with it.
            let _ = process.kill();
            let _ = process.wait();
            return Err(Error::Program {
                program: "tenant-registry serve",
                said: format!("it should say where it listens, and says: {line:?}; start it by hand to see why"),
            });
        };
        Ok(Self {
            process,
            _said: said,
            address,
        })
    }

    /// Processor time that it has used so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Error> {
        process::processor_time(self.process.id())
    }

    /// Its memory, in MiB.
    pub(crate) fn memory_mib(&self, memory: Memory) -> Result<f64, Error> {
        process::memory_mib(self.process.id(), memory)
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    line.trim_end().strip_prefix("listening on http://")?.parse().ok()
}

impl Drop for Service {
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
