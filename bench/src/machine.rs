//! The machine, the database and the date of a run.

use std::fs;
use std::thread::available_parallelism;

use test_support::postgres::Cluster;

use crate::data_set;
use crate::error::Error;

/// The machine and the database.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) processors: usize,
    pub(crate) processor: String,
    /// In GiB.
    pub(crate) memory: f64,
    pub(crate) postgres: String,
    pub(crate) date: String,
}

impl Machine {
    pub(crate) async fn look(cluster: &Cluster) -> Result<Self, Error> {
        let row = data_set::connect(&cluster.url("postgres"))
            .await?
            .query_one(
                "SELECT split_part(current_setting('server_version'), ' ', 1), current_date::text",
                &[],
            )
            .await?;
        Ok(Self {
            processors: available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown model".to_owned()),
            memory: field("/proc/meminfo", "MemTotal")
                .and_then(|text| text.strip_suffix(" kB")?.parse::<f64>().ok())
                .map(|kibibytes| kibibytes / 1024.0 / 1024.0)
                .unwrap_or_default(),
            postgres: row.try_get(0)?,
            date: row.try_get(1)?,
        })
    }
}

/// The value of the first line `name: value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value)
    })?;
    Some(value.trim().to_owned())
}
