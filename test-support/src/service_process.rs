//! The service binary as a process.

use crate::{DEADLINE, processes};
use rustix::event::Timespec;
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use thiserror::Error;

/// What happens to the service's log (its standard error).
#[derive(Clone, Copy, Debug)]
pub enum Log {
    /// It can be read with [`ServiceProcess::log`].
    Kept,
    /// Writing it costs the service as little as possible.
    Discarded,
}

/// Why the service process failed.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The binary cannot be started or waited for.
    #[error("{program}: {source}")]
    Io {
        /// The path of the binary.
        program: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The service wrote something else than the address on which it listens, or ended.
    #[error("the service does not listen; standard output: {line:?}; log: {log}")]
    NotListening {
        /// The first line on standard output.
        line: Option<String>,
        /// The log; empty if it is discarded.
        log: String,
    },
    /// The service did not end after it was told to, and was killed.
    #[error("the service did not end within {DEADLINE:?}; log: {0}")]
    NotEnding(String),
}

/// A running service. Dropping this value kills it.
#[derive(Debug)]
pub struct ServiceProcess {
    child: Child,
    address: SocketAddr,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

/// The end of a process.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// All lines of standard output that were not read before.
    pub stdout: String,
    /// The log.
    pub stderr: String,
}

impl ServiceProcess {
    /// Starts `command`, which has to be the service's `serve`, on a free port of 127.0.0.1, and waits until it listens.
    /// `BIND_ADDR` in the command's environment has precedence.
    ///
    /// # Errors
    /// If the service does not listen within [`DEADLINE`].
    pub fn start(mut command: Command, log: Log) -> Result<Self, ServiceError> {
        if !command.get_envs().any(|(name, _)| name == "BIND_ADDR") {
            command.env("BIND_ADDR", "127.0.0.1:0");
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(match log {
                Log::Kept => Stdio::piped(),
                Log::Discarded => Stdio::null(),
            })
            .spawn()
            .map_err(|source| ServiceError::Io { program, source })?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads to the end, since a full pipe would block the service.
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // The lines after the last one that is asked for are dropped.
                    let _ = sender.send(line);
                }
            });
        }
        let log = Arc::new(Mutex::new(String::new()));
        let logging = child.stderr.take().map(|stderr| {
            let log = Arc::clone(&log);
            thread::spawn(move || collect(stderr, &log))
        });
        let mut process = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            lines,
            log,
            logging,
        };
        let line = process.line();
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("listening on http://")?.parse().ok());
        match address {
            Some(address) => {
                process.address = address;
                Ok(process)
            }
            None => {
                process.kill();
                let log = process.finished_log();
                Err(ServiceError::NotListening { line, log })
            }
        }
    }

    /// The address on which the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line on standard output; `None` at its end, and if there is none within [`DEADLINE`].
    pub fn line(&mut self) -> Option<String> {
        self.lines.recv_timeout(DEADLINE).ok()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.id()) {
            processes::signal(id, signal);
        }
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    /// If it does not end within [`DEADLINE`].
    pub fn wait(mut self) -> Result<Ended, ServiceError> {
        if let Ok(id) = i32::try_from(self.id()) {
            let limit = Timespec {
                tv_sec: DEADLINE.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: 0,
            };
            processes::wait_for_end(id, limit);
        }
        let status = match self.child.try_wait() {
            Ok(Some(status)) => status,
            Ok(None) => return Err(ServiceError::NotEnding(self.log())),
            Err(source) => {
                let program = "tenant-registry".to_owned();
                return Err(ServiceError::Io { program, source });
            }
        };
        let stdout: String = self.lines.iter().map(|line| line + "\n").collect();
        Ok(Ended {
            code: status.code(),
            stdout,
            stderr: self.finished_log(),
        })
    }

    /// Stops the service as a platform does, with SIGTERM, and waits until it ends.
    ///
    /// # Errors
    /// If it does not end within [`DEADLINE`].
    pub fn stop(self) -> Result<Ended, ServiceError> {
        self.signal(Signal::TERM);
        self.wait()
    }

    fn kill(&mut self) {
        // Both fail only if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The whole log of a process that has ended.
    fn finished_log(&mut self) -> String {
        if let Some(logging) = self.logging.take() {
            let _ = logging.join();
        }
        self.log()
    }
}

fn collect(stderr: impl Read, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
