//! `test-postgres with COMMAND …` runs a command with `DATABASE_URL` at a throw-away Postgres; `start` and `stop` are for
//! the one that stays, for development.

use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode};
use test_postgres::{Cluster, ClusterSettings, development};

const USAGE: &str = "say `start`, `stop`, or `with COMMAND …`";

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<ExitCode, Box<dyn Error>> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["start"] => {
            let url = development::start().await?;
            std::io::stdout().write_all(format!("{url}\n").as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        ["stop"] => {
            development::stop()?;
            Ok(ExitCode::SUCCESS)
        }
        ["with", program, arguments @ ..] => {
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
        _ => Err(USAGE.into()),
    }
}
