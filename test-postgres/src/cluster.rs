//! A cluster: one server with its files. Unless they are to be kept, they are gone when it is dropped.

use crate::program::Programs;
use crate::{Error, processes, sweep};
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a machine that does something else meanwhile, and for a recovery.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at whether a server has come up, or is gone.
const PAUSE: Duration = Duration::from_millis(10);

/// Nothing here has to outlive the machine, so that nothing waits for the disk. What a process was told to have been
/// written outlives that process all the same.
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

/// What a cluster is to be like.
#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// Further settings, as `name=value`; they win over those that every cluster has.
    pub settings: Vec<String>,
    /// Files that settings speak of, by name and text; in a setting `{files}` stands for their directory.
    pub files: Vec<(String, String)>,
}

/// What becomes of the files when a cluster is dropped.
#[derive(Clone, Copy, Debug)]
enum Files {
    Removed,
    Kept,
}

/// A server with its files. Dropping it ends the one and, unless they are to be kept, removes the other.
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
    /// Makes a cluster and starts its server; when this returns, it takes connections. First it sweeps away what runs
    /// that were killed have left.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub fn start(settings: ClusterSettings) -> Result<Self, Error> {
        let mut cluster = Self::prepare(settings)?;
        cluster.programs.make_cluster(&cluster.data(), &["--no-sync"])?;
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Starts the server of the cluster in this directory, which is made where it is missing and stays when this is
    /// dropped. No sweep finds it. A server that a killed run has left there is ended first, so that two runs at a time
    /// need two directories, which the user of the server can enter.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub fn kept(directory: &Path, settings: ClusterSettings) -> Result<Self, Error> {
        let mut cluster = Self::at(Programs::find()?, directory.to_owned(), Files::Kept, settings)?;
        let data = cluster.data();
        if !data.join("PG_VERSION").exists() {
            cluster.programs.make_cluster(&data, &[])?;
        }
        if processes::of_data_directory(&data).is_some() {
            cluster.programs.stop_server(&data)?;
        }
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Makes a standby of this cluster and starts it.
    ///
    /// # Errors
    /// When the copy cannot be made, or does not start.
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

    /// What the server has said; kept until the cluster is dropped.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The port on 127.0.0.1; it stays the same when the server is started again.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// One of the programs that came with the server, to be run as the server's user; not started yet.
    pub fn command(&self, program: &str) -> Command {
        self.programs.command(program)
    }

    /// The directory of the Unix socket.
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// The URL of one of its databases, by TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the server, for the first time or after it was ended.
    ///
    /// # Errors
    /// When it ends again, or takes no connection in time.
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
                    said: fs::read_to_string(self.log()).unwrap_or_default(),
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

    /// Ends the server at once, as a crash does (`pg_ctl stop -m immediate`).
    pub fn kill_server(&mut self) {
        self.end_server(Signal::QUIT);
    }

    fn end_server(&mut self, signal: Signal) {
        self.signal(signal);
        if let Some(mut server) = self.server.take() {
            let _ = server.wait();
        }
    }

    /// Stops every process of the server where it stands; connections stay open and nothing answers.
    pub fn pause(&self) {
        // The first one last, and once more: it may start another meanwhile.
        for _ in 0..2 {
            self.signal_family(Signal::STOP);
        }
    }

    /// Lets the processes go on.
    pub fn resume(&self) {
        self.signal_family(Signal::CONT);
    }

    fn signal_family(&self, signal: Signal) {
        let family = self.server_id().map(processes::family).unwrap_or_default();
        for id in family.into_iter().rev() {
            processes::signal(id, signal);
        }
    }

    /// Makes a standby the primary; when this returns, it can be written to.
    ///
    /// # Errors
    /// When it refuses.
    pub fn promote(&self) -> Result<(), Error> {
        let data = self.data();
        self.programs.run(
            "pg_ctl",
            [
                "promote".as_ref(),
                "--wait".as_ref(),
                "--pgdata".as_ref(),
                data.as_os_str(),
            ],
        )
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
            // In order (`pg_ctl stop -m fast`): what is kept should need no recovery.
            Files::Kept => self.end_server(Signal::INT),
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("127.0.0.1"))?;
    Ok(listener.local_addr().map_err(Error::io("127.0.0.1"))?.port())
}
