//! `development-postgres start` prints the URL of a Postgres for development; `stop` ends it.

use std::io::Write;
use std::process::ExitCode;
use test_postgres::development;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("start") => development::start().await.map(|url| format!("{url}\n")),
        Some("stop") => development::stop().map(|()| String::new()),
        Some(_) | None => {
            eprintln!("error: say `start` or `stop`");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
