//! The real binary, as an operator runs it.

use super::polling::{DEADLINE, until};
use super::raw_client::RawClient;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What prepares a command: arguments and variables.
type Prepare<'a> = &'a dyn Fn(&mut Command) -> &mut Command;

/// The binary, in an environment that sets nothing.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenant-registry"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the binary to its end.
pub(crate) async fn run(prepare: Prepare<'_>) -> Output {
    let mut command = command();
    let output = prepare(&mut command).output();
    timeout(DEADLINE, output).await.expect("the process ends").unwrap()
}

/// A binary that serves.
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<String>>,
    logging: JoinHandle<()>,
    pub(crate) address: SocketAddr,
    pub(crate) raw: RawClient,
}

async fn collect(stderr: ChildStderr, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let mut log = log.lock().unwrap();
        log.push_str(&line);
        log.push('\n');
    }
}

/// How it ended, and all that it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts to serve on a free port.
    pub(crate) async fn serve(prepare: Prepare<'_>) -> Self {
        let mut command = command();
        command
            .arg("serve")
            .env("BIND_ADDR", "127.0.0.1:0")
            .env("SHUTDOWN_DRAIN", "0");
        let mut child = prepare(&mut command).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let logging = tokio::spawn(collect(child.stderr.take().unwrap(), Arc::clone(&log)));
        let line = timeout(DEADLINE, stdout.next_line())
            .await
            .expect("a first line")
            .unwrap();
        let line = line.expect("a line before the end");
        let base_url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        let address = base_url.strip_prefix("http://").unwrap().parse().unwrap();
        Self {
            child,
            stdout,
            log,
            logging,
            address,
            raw: RawClient::new(base_url.to_owned()),
        }
    }

    /// The next line on standard output.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(DEADLINE, self.stdout.next_line()).await.expect("a line");
        line.unwrap().expect("a line before the end")
    }

    /// Where it says that its metrics are, without the path: the next line on standard output.
    pub(crate) async fn metrics_url(&mut self) -> String {
        let line = self.line().await;
        line.strip_prefix("metrics on ")
            .and_then(|url| url.strip_suffix("/metrics"))
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until the log says something.
    pub(crate) async fn logged(&self, what: &str) {
        until(what, async || self.log.lock().unwrap().contains(what).then_some(())).await;
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = timeout(DEADLINE, self.child.wait())
            .await
            .expect("the process ends")
            .unwrap();
        let mut stdout = String::new();
        while let Some(line) = self.stdout.next_line().await.unwrap() {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        self.logging.await.unwrap();
        Ended {
            code: status.code(),
            stdout,
            stderr: self.log.lock().unwrap().clone(),
        }
    }

    /// Stops it as a platform does.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await
    }
}
