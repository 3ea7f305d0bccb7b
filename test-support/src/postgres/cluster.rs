//! A Postgres cluster: a server with its files.

use super::programs::Programs;
use super::{Error, sweep};
use crate::processes;
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a recovery on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The pause between two checks whether the server is ready.
const PAUSE: Duration = Duration::from_millis(10);

/// The records need not survive a crash of the machine, so nothing waits for the disk. They do survive a crash of the
/// server.
const FAST: [&str; 9] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "shared_buffers=128MB",
    "max_connections=300",
    "max_wal_size=2GB",
    "jit=off",
    "log_min_messages=warning",
    "listen_addresses=127.0.0.1",
];

/// The configuration of a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// Settings as `name=value`; they override those of every cluster.
    pub settings: Vec<String>,
    /// Files that the settings refer to, by name and text; `{files}` in a setting is replaced by their directory.
    pub files: Vec<(String, String)>,
}

/// What happens to the files when a cluster is dropped.
#[derive(Clone, Copy, Debug)]
enum Files {
    Removed,
    Kept,
}

/// A server with its files. Dropping this value stops the server and, unless they are kept, removes the files.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    directory: PathBuf,
    files: Files,
    settings: Vec<String>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Creates a cluster and starts its server, which accepts connections when this returns. Also removes what killed
    /// test runs have left behind.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub fn start(settings: ClusterSettings) -> Result<Self, Error> {
        let mut cluster = Self::prepare(settings)?;
        cluster
            .programs
            .make_cluster(&cluster.data(), &["--auth=trust", "--no-sync"])?;
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Starts the server of the cluster in this directory. The cluster is created if it is missing, and stays when this
    /// value is dropped. A server that a killed run has left running there is stopped first, so concurrent runs need
    /// separate directories. The server's user must be able to enter the directory.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub fn kept(directory: &Path, settings: ClusterSettings) -> Result<Self, Error> {
        let mut cluster = Self::at(Programs::find()?, directory.to_owned(), Files::Kept, settings)?;
        let data = cluster.data();
        if !data.join("PG_VERSION").exists() {
            cluster.programs.make_cluster(&data, &["--auth=trust"])?;
        }
        if processes::of_data_directory(&data).is_some() {
            cluster.programs.stop_server(&data)?;
        }
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Creates and starts a standby of this cluster.
    ///
    /// # Errors
    /// If the copy fails or does not start.
    pub fn standby(&self, name: &str, settings: ClusterSettings) -> Result<Self, Error> {
        let mut standby = Self::prepare(settings)?;
        let source = format!(
            "host=127.0.0.1 port={} user=postgres application_name={name}",
            self.port
        );
        let data = standby.data();
        standby.programs.run(
            "pg_basebackup",
            [
                "--pgdata".as_ref(),
                data.as_os_str(),
                "--dbname".as_ref(),
                source.as_ref(),
                "--write-recovery-conf".as_ref(),
                "--checkpoint=fast".as_ref(),
                "--no-sync".as_ref(),
            ],
        )?;
        standby.start_server()?;
        Ok(standby)
    }

    fn prepare(settings: ClusterSettings) -> Result<Self, Error> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let programs = Programs::find()?;
        let parent = std::env::temp_dir();
        sweep::sweep(&parent);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("{}{}-{serial}", sweep::PREFIX, std::process::id()));
        Self::at(programs, directory, Files::Removed, settings)
    }

    fn at(programs: Programs, directory: PathBuf, files: Files, settings: ClusterSettings) -> Result<Self, Error> {
        programs.create_directory(&directory)?;
        let ClusterSettings {
            settings,
            files: further_files,
        } = settings;
        for (name, text) in further_files {
            programs.create_file(&directory.join(name), &text)?;
        }
        let place = directory.display().to_string();
        Ok(Self {
            programs,
            directory,
            files,
            settings: settings
                .into_iter()
                .map(|setting| setting.replace("{files}", &place))
                .collect(),
            port: free_port()?,
            server: None,
        })
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The port on 127.0.0.1. A restart does not change it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A program of the Postgres installation, to be run as the server's user; not started yet.
    pub fn command(&self, program: &str) -> Command {
        self.programs.command(program)
    }

    /// The directory of the Unix socket.
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the server, for the first time or again.
    ///
    /// # Errors
    /// If it ends or accepts no connection in time.
    pub fn start_server(&mut self) -> Result<(), Error> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(Error::io(self.log()))?;
        let mut command = self.programs.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .arg("-k")
            .arg(&self.directory);
        for setting in FAST.iter().copied().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Error::io("postgres"))?;
        self.server = Some(child);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let end = Instant::now() + START_LIMIT;
        while !self.is_ready() {
            let ended = match &mut self.server {
                Some(server) => server.try_wait().map_err(Error::io("postgres"))?.is_some(),
                None => true,
            };
            if ended || Instant::now() > end {
                return Err(Error::Failed {
                    program: "postgres".to_owned(),
                    output: fs::read_to_string(self.log()).unwrap_or_default(),
                });
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let mut command: Command = self.programs.command("pg_isready");
        command.args(["--quiet", "--host=127.0.0.1", "--port", &self.port.to_string()]);
        command.status().is_ok_and(|status| status.success())
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.server_id() {
            processes::signal(id, signal);
        }
    }

    fn server_id(&self) -> Option<i32> {
        self.server.as_ref().and_then(|server| i32::try_from(server.id()).ok())
    }

    /// Stops the server at once, like a crash (`pg_ctl stop -m immediate`).
    pub fn kill_server(&mut self) {
        self.end_server(Signal::QUIT);
    }

    fn end_server(&mut self, signal: Signal) {
        self.signal(signal);
        if let Some(mut server) = self.server.take() {
            let _ = server.wait();
        }
    }

    /// Suspends every process of the server: connections stay open, but nothing responds.
    pub fn pause(&self) {
        // The first process last, and everything twice: it may start another one meanwhile.
        for _ in 0..2 {
            self.signal_family(Signal::STOP);
        }
    }

    /// Resumes the processes.
    pub fn resume(&self) {
        self.signal_family(Signal::CONT);
    }

    fn signal_family(&self, signal: Signal) {
        let family = self.server_id().map(processes::family).unwrap_or_default();
        for id in family.into_iter().rev() {
            processes::signal(id, signal);
        }
    }

    /// Makes a standby the primary, which accepts writes when this returns.
    ///
    /// # Errors
    /// If the server rejects it.
    pub fn promote(&self) -> Result<(), Error> {
        let data = self.data();
        self.programs
            .run(
                "pg_ctl",
                [
                    "promote".as_ref(),
                    "--wait".as_ref(),
                    "--pgdata".as_ref(),
                    data.as_os_str(),
                ],
            )
            .map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.resume();
        match self.files {
            Files::Removed => {
                self.kill_server();
                let _ = fs::remove_dir_all(&self.directory);
            }
            // `pg_ctl stop -m fast`, so that the next start needs no recovery.
            Files::Kept => self.end_server(Signal::INT),
        }
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("127.0.0.1"))?;
    Ok(listener.local_addr().map_err(Error::io("127.0.0.1"))?.port())
}
