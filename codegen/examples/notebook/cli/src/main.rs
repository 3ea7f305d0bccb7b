//! `notes`: the commands of the notebook. `cargo run -p notebook-cli -- note add --text Hello`

mod failure;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use failure::Failure;
use generated::OperationCommand;
// The generated commands use the client by this name.
use notebook_client as client;

// Does not compile if the commands and the client are generated from different specs.
const _: () = assert!(generated::SPEC_FINGERPRINT == client::SPEC_FINGERPRINT);

/// Keeps notes.
#[derive(Parser)]
struct Arguments {
    /// The URL of the notebook.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8091")]
    url: String,
    #[command(subcommand)]
    command: OperationCommand,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(response) => match writeln!(io::stdout(), "{response}") {
            Ok(()) => ExitCode::SUCCESS,
            // There is no one left to tell.
            Err(_) => ExitCode::FAILURE,
        },
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command, and returns the response as JSON.
async fn run(Arguments { url, command }: Arguments) -> Result<String, Failure> {
    let response = command.send(&client::Client::new(&url)).await?;
    serde_json::to_string_pretty(&response).map_err(|error| Failure::Usage(error.to_string()))
}
