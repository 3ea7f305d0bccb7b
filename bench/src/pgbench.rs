//! pgbench: the speed of the same SQL without the service.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use test_support::postgres::Cluster;

use crate::data_set::with_numbers;
use crate::error::Error;

const THREADS: usize = 2;

/// Seconds in addition to the measured ones: for opening the connections, and for the first second with them, which is not
/// counted, because each connection prepares its statement and fills its caches.
const LEAD_IN: u64 = 2;

/// The session settings of the service. A statement that exceeds the timeout ends the run of pgbench.
const OPTIONS: &str = "-c statement_timeout=5s -c enable_sort=off -c enable_incremental_sort=off";

/// Prepares each statement once, as the service does.
const PROTOCOL: &str = "prepared";

/// The script that appends an event to this table.
pub(crate) fn append_script(table: &str) -> String {
    include_str!("../sql/pgbench/append.sql").replace("{table}", table)
}

/// The script of a list with this WHERE clause, in the order of its index. `number` is the expression for the id in
/// that index.
pub(crate) fn list_script(filter: &str, number: &str) -> String {
    include_str!("../sql/pgbench/list.sql")
        .replace("{filter}", filter)
        .replace("{number}", number)
}

/// Transactions per second with this number of clients; `None` if one failed or took too long.
pub(crate) fn transactions_per_second(
    cluster: &Cluster,
    database: &str,
    script: &str,
    clients: usize,
    duration: Duration,
) -> Result<Option<f64>, Error> {
    const PROGRAM: &str = "pgbench";
    let mut process = cluster
        .command(PROGRAM)
        .env("PGOPTIONS", OPTIONS)
        .args(["--no-vacuum", "--host=127.0.0.1", "--username=postgres", "--file=-"])
        .arg(format!("--protocol={PROTOCOL}"))
        .arg(format!("--port={}", cluster.port()))
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={THREADS}"))
        .arg(format!("--time={}", duration.as_secs() + LEAD_IN))
        .arg("--progress=1")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::file(PROGRAM))?;
    if let Some(mut input) = process.stdin.take() {
        input
            .write_all(with_numbers(script).as_bytes())
            .map_err(Error::file(PROGRAM))?;
    }
    let output = process.wait_with_output().map_err(Error::file(PROGRAM))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return rate(&text)
            .map(Some)
            .ok_or_else(|| Error::unreadable("the output of pgbench", &text));
    }
    let complaint = text;
    if complaint.contains("statement timeout") {
        return Ok(None);
    }
    Err(Error::Program {
        program: PROGRAM,
        output: complaint,
    })
}

/// The mean of the seconds after the first one.
#[expect(clippy::cast_precision_loss, reason = "there are few seconds")]
fn rate(output: &str) -> Option<f64> {
    let rates: Vec<f64> = output.lines().filter_map(rate_of_second).skip(1).collect();
    (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
}

/// Reads `progress: 1.0 s, 5031.9 tps, …`.
fn rate_of_second(line: &str) -> Option<f64> {
    let (_, rest) = line.strip_prefix("progress: ")?.split_once(" s, ")?;
    rest.split_once(" tps")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn the_first_second_does_not_count() {
        let progress = |second, rate| format!("progress: {second}.0 s, {rate} tps, lat 1.5 ms stddev 0.3, 0 failed\n");
        let output = format!(
            "pgbench (15.18)\n{}{}{}",
            progress(1, "10.5"),
            progress(2, "100.0"),
            progress(3, "300.0")
        );
        assert_eq!(rate(&output), Some(200.0));
        assert_eq!(rate(&progress(1, "10.5")), None);
    }
}
