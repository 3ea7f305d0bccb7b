//! pgbench: the speed of the same SQL without the service.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use test_support::postgres::Cluster;

use crate::data_set::with_numbers;
use crate::error::Error;

const THREADS: usize = 2;

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
        .arg(format!("--time={}", duration.as_secs()))
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::file(PROGRAM))?;
    if let Some(mut input) = process.stdin.take() {
        input
            .write_all(with_numbers(script).as_bytes())
            .map_err(Error::file(PROGRAM))?;
    }
    let output = process.wait_with_output().map_err(Error::file(PROGRAM))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return rate(&text)
            .map(Some)
            .ok_or_else(|| Error::unreadable("the output of pgbench", &text));
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if complaint.contains("statement timeout") {
        return Ok(None);
    }
    Err(Error::Program {
        program: PROGRAM,
        output: complaint,
    })
}

fn rate(output: &str) -> Option<f64> {
    output
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn the_rate_is_found_among_what_pgbench_says() {
        let output = "number of threads: 2\ntps = 1234.5 (without initial connection time)\n";
        assert_eq!(rate(output), Some(1234.5));
    }
}
