//! The programs of Postgres, and the user that runs them.

use super::Error;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory in which Debian installs each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The oldest version that the service supports.
const MIN_VERSION: u32 = 15;

/// The installed programs.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    directory: PathBuf,
    user: Option<User>,
}

/// The user that owns the processes and files.
#[derive(Clone, Copy, Debug)]
struct User {
    id: u32,
    group: u32,
}

impl Programs {
    /// Finds the newest installed version.
    pub(super) fn find() -> Result<Self, Error> {
        let directory = versioned().or_else(on_path).ok_or(Error::NotInstalled)?;
        let user = if rustix::process::geteuid().is_root() {
            Some(unprivileged().ok_or(Error::NoUser)?)
        } else {
            None
        };
        Ok(Self { directory, user })
    }

    /// A program, not started yet.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        // The user may have no access to the current directory.
        command.current_dir("/").env_clear().env("LC_ALL", "C");
        if let Some(User { id, group }) = self.user {
            command.uid(id).gid(group);
        }
        command
    }

    /// Runs a program to its end and returns what it wrote to standard output.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, Error> {
        let mut command = self.command(program);
        command.args(arguments);
        self.output_of(program, command)
    }

    /// Runs a command to its end and returns what it wrote to standard output.
    pub(super) fn output_of(&self, program: &str, mut command: Command) -> Result<String, Error> {
        let output = command.output().map_err(Error::io(self.directory.join(program)))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Failed {
            program: program.to_owned(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Creates the files of a cluster. Options say how its superuser `postgres` authenticates.
    pub(super) fn make_cluster(&self, data: &Path, options: &[&str]) -> Result<(), Error> {
        let mut arguments: Vec<&OsStr> = vec!["--pgdata".as_ref(), data.as_os_str()];
        let own = [
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ];
        arguments.extend(own.iter().chain(options).map(OsStr::new));
        self.run("initdb", arguments).map(drop)
    }

    /// Shuts the server of a data directory down.
    pub(super) fn stop_server(&self, data: &Path) -> Result<(), Error> {
        self.run(
            "pg_ctl",
            [
                "stop".as_ref(),
                "--wait".as_ref(),
                "--pgdata".as_ref(),
                data.as_os_str(),
            ],
        )
        .map(drop)
    }

    /// Creates a directory that only the user can enter.
    pub(super) fn create_directory(&self, path: &Path) -> Result<(), Error> {
        fs::create_dir_all(path).map_err(Error::io(path))?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(Error::io(path))?;
        self.give(path)
    }

    /// Creates a file that only the user can read.
    pub(super) fn create_file(&self, path: &Path, text: &str) -> Result<(), Error> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io(path))?;
        file.write_all(text.as_bytes()).map_err(Error::io(path))?;
        self.give(path)
    }

    fn give(&self, path: &Path) -> Result<(), Error> {
        if let Some(User { id, group }) = self.user {
            chown(path, Some(id), Some(group)).map_err(Error::io(path))?;
        }
        Ok(())
    }
}

fn versioned() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.flatten();
    let numbers = versions.filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok());
    let has_server = |number: &u32| bin(*number).join("postgres").exists();
    numbers
        .filter(|number| *number >= MIN_VERSION)
        .filter(has_server)
        .max()
        .map(bin)
}

fn bin(version: u32) -> PathBuf {
    Path::new(VERSIONS).join(version.to_string()).join("bin")
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|directory| directory.join("postgres").exists())
}

fn unprivileged() -> Option<User> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].into_iter().find_map(|wanted| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _, id, group) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            (name == wanted).then_some(User {
                id: id.parse().ok()?,
                group: group.parse().ok()?,
            })
        })
    })
}
