//! The cluster for development. It keeps its records and runs until it is stopped.

use super::Error;
use super::programs::Programs;
use crate::processes;
use std::path::{Path, PathBuf};

/// Not Postgres' default port, which a system-wide cluster may use.
const PORT: u16 = 54_329;

const DATABASE: &str = "tenant_registry";

/// Starts the cluster, creating it if needed, and returns the URL of its database. `progress` gets a line before each
/// long step.
///
/// # Errors
/// If Postgres is not installed or does not start.
pub fn start(progress: impl Fn(&str)) -> Result<String, Error> {
    let programs = Programs::find()?;
    let directory = directory();
    let data = directory.join("data");
    if !data.join("PG_VERSION").exists() {
        progress(&format!("creating a Postgres cluster in {} …", directory.display()));
        programs.create_directory(&directory)?;
        programs.make_cluster(&data, &[])?;
    }
    if processes::of_data_directory(&data).is_none() {
        progress(&format!("starting Postgres on 127.0.0.1:{PORT} …"));
        let options = format!("-p {PORT} -k '{}' -c listen_addresses=127.0.0.1", directory.display());
        programs.run(
            "pg_ctl",
            [
                "start".as_ref(),
                "--wait".as_ref(),
                "--silent".as_ref(),
                "--pgdata".as_ref(),
                data.as_os_str(),
                "--log".as_ref(),
                directory.join("log").as_os_str(),
                "--options".as_ref(),
                options.as_ref(),
            ],
        )?;
    }
    if psql(
        &programs,
        &format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"),
    )?
    .is_empty()
    {
        progress(&format!("creating the database {DATABASE} …"));
        psql(&programs, &format!("CREATE DATABASE {DATABASE}"))?;
    }
    Ok(format!("postgres://postgres@127.0.0.1:{PORT}/{DATABASE}"))
}

/// Stops the server; the records stay.
///
/// # Errors
/// If the server does not stop.
pub fn stop() -> Result<(), Error> {
    let data = directory().join("data");
    if processes::of_data_directory(&data).is_none() {
        return Ok(());
    }
    Programs::find()?.stop_server(&data)
}

/// A directory that survives a restart of the machine and that the server's user can enter.
fn directory() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    Path::new("/var/tmp").join(format!("tenant-registry-development-postgres-{user}"))
}

/// Runs a statement. The output has a line for each row.
fn psql(programs: &Programs, statement: &str) -> Result<String, Error> {
    let port = PORT.to_string();
    programs.run(
        "psql",
        [
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--host=127.0.0.1",
            "--username=postgres",
            "--dbname=postgres",
            "--port",
            &port,
            "--command",
            statement,
        ],
    )
}
