//! The service binary, started as an operator starts it.

use super::polling::{DEADLINE, until};
use super::raw_client::RawClient;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use test_support::{Log, ServiceError};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub(crate) use test_support::Ended;

/// Adds arguments and environment variables to a command.
type Prepare<'a> = &'a dyn Fn(&mut Command) -> &mut Command;

/// The binary with an empty environment.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenant-registry"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs the binary until it ends.
pub(crate) async fn run(prepare: Prepare<'_>) -> Output {
    let mut command = command();
    prepare(&mut command);
    let output = spawn_blocking(move || command.output());
    timeout(DEADLINE, output)
        .await
        .expect("the process ends")
        .unwrap()
        .unwrap()
}

/// A running service process.
pub(crate) struct ServiceProcess {
    process: test_support::ServiceProcess,
    pub(crate) address: SocketAddr,
    pub(crate) raw: RawClient,
}

impl ServiceProcess {
    /// Starts the service on a free port.
    pub(crate) async fn serve(prepare: Prepare<'_>) -> Self {
        let mut command = command();
        command.arg("serve").env("SHUTDOWN_DRAIN", "0");
        prepare(&mut command);
        let process = spawn_blocking(move || test_support::ServiceProcess::start(command, Log::Kept))
            .await
            .unwrap()
            .unwrap();
        let address = process.address();
        Self {
            process,
            address,
            raw: RawClient::new(format!("http://{address}")),
        }
    }

    /// The next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        self.process.line().expect("a line on standard output")
    }

    /// The address of the metrics server, without a path, from the next line on standard output.
    pub(crate) fn metrics_url(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("metrics on ")
            .and_then(|url| url.strip_suffix("/metrics"))
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its resident memory in MiB.
    pub(crate) fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        kib.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until the log contains a text.
    pub(crate) async fn logged(&self, text: &str) {
        until(text, async || self.process.log().contains(text).then_some(())).await;
    }

    /// Waits until the process ends.
    pub(crate) async fn ended(self) -> Ended {
        self.end(test_support::ServiceProcess::wait).await
    }

    /// Stops the process as a platform does.
    pub(crate) async fn stop(self) -> Ended {
        self.end(test_support::ServiceProcess::stop).await
    }

    /// On another thread, so that the requests of the case continue.
    async fn end(
        self,
        how: impl FnOnce(test_support::ServiceProcess) -> Result<Ended, ServiceError> + Send + 'static,
    ) -> Ended {
        spawn_blocking(move || how(self.process)).await.unwrap().unwrap()
    }
}
