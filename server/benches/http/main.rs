//! Benchmark of the generated HTTP layer: requests per second for a small JSON response, relative to a plain dropshot server
//! and a plain hyper server in the same run.
//!
//! Run with `cargo bench -p tenant-registry-server`. Compare only the ratios: the load generator and the servers share the
//! processors.

#![expect(clippy::print_stdout, reason = "the program prints a table")]

mod load;
mod servers;

use std::error::Error;
use std::time::Duration;

/// The number of concurrent connections. Each sends its next request after the response.
const CALLERS: usize = 32;
/// The duration of one round against one server. Rounds alternate between servers, so that a slow moment affects all of
/// them.
const ROUND: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` also runs benchmarks, to check that they work. A short round is enough for that.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, round) = if is_measured {
        (ROUNDS, ROUND)
    } else {
        (1, Duration::from_millis(50))
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(rounds, round))
}

async fn measure(rounds: usize, round: Duration) -> Result<(), Box<dyn Error>> {
    let servers = servers::start().await?;
    let mut rates = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for (server, rates) in servers.iter().zip(&mut rates) {
            rates.push(load::requests_per_second(server.address, server.path, CALLERS, round).await?);
        }
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    println!("{CALLERS} callers, median of {rounds} rounds of {round:?}");
    println!(
        "{:<44} {:>12} {:>10} {:>14}",
        "server", "requests/s", "/ hyper", "/ dropshot"
    );
    for (server, rate) in servers.iter().zip(&medians) {
        println!(
            "{:<44} {rate:>12.0} {:>10.2} {:>14.2}",
            server.name,
            rate / medians[0],
            rate / medians[1]
        );
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
