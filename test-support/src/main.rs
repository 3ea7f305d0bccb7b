//! `test-postgres`: runs a command on a throw-away Postgres, and starts and stops the one for development.

use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode};
use test_support::postgres::{Cluster, ClusterSettings, development};

const USAGE: &str = "\
Usage: test-postgres <COMMAND>

Commands:
  start             Start a Postgres for development and print its URL. It keeps its records.
  stop              Stop the Postgres for development.
  with COMMAND ...  Run COMMAND with DATABASE_URL set to a throw-away Postgres.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    match arguments {
        ["start"] => {
            // Standard output has only the URL, so that scripts can read it.
            let url = development::start(|line| eprintln!("{line}"))?;
            std::io::stdout().write_all(format!("{url}\n").as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        ["stop"] => {
            development::stop()?;
            Ok(ExitCode::SUCCESS)
        }
        ["with", program, arguments @ ..] => {
            eprintln!("starting a throw-away Postgres …");
            let cluster = Cluster::start(ClusterSettings::default())?;
            let status = Command::new(program)
                .args(arguments)
                .env("DATABASE_URL", cluster.url("postgres"))
                .status()?;
            drop(cluster);
            Ok(status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .map_or(ExitCode::FAILURE, ExitCode::from))
        }
        ["--help" | "-h"] => {
            std::io::stdout().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(USAGE.into()),
    }
}
