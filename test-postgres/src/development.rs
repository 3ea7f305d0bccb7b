//! The cluster for development: it keeps its records, and runs on after the command that started it.

use crate::program::Programs;
use crate::{Error, processes};
use std::path::{Path, PathBuf};
use tokio_postgres::NoTls;

/// Not Postgres' own, which a cluster of the system may have.
const PORT: u16 = 54_329;

const DATABASE: &str = "tenant_registry";

/// Starts the cluster where it does not run, and returns the URL of its database.
///
/// # Errors
/// When Postgres is not installed, or does not start.
pub async fn start() -> Result<String, Error> {
    let programs = Programs::find()?;
    let directory = directory();
    let data = directory.join("data");
    if !data.join("PG_VERSION").exists() {
        programs.create_directory(&directory)?;
        programs.make_cluster(&data, &[])?;
    }
    if processes::of_data_directory(&data).is_none() {
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
    create_database().await?;
    Ok(url(DATABASE))
}

/// Ends the server; the records stay.
///
/// # Errors
/// When it does not end.
pub fn stop() -> Result<(), Error> {
    let data = directory().join("data");
    if processes::of_data_directory(&data).is_none() {
        return Ok(());
    }
    Programs::find()?.stop_server(&data)
}

/// Where the cluster is: a place that outlives a restart of the machine, and that the user of the server can enter.
fn directory() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    Path::new("/var/tmp").join(format!("tenant-registry-development-postgres-{user}"))
}

fn url(database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{PORT}/{database}")
}

async fn create_database() -> Result<(), Error> {
    let (client, connection) = tokio_postgres::connect(&url("postgres"), NoTls).await?;
    tokio::spawn(connection);
    let known = client
        .query("SELECT FROM pg_database WHERE datname = $1", &[&DATABASE])
        .await?;
    if known.is_empty() {
        client.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    }
    Ok(())
}
