//! `registry`: the command line of the Tenant Registry.

#[cfg(test)]
mod argument_tests;
mod audit;
mod command;
mod connection;
mod exit_code;
mod failure;
mod fingerprint;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod json_text;
mod login;
mod output;
mod printable;
mod setting;
mod table;
mod tenant_find;
mod whole_number;

use std::env;
use std::process::ExitCode;

use command::{Arguments, Command};
use connection::Connection;
use exit_code::Exit;
use failure::Failure;
use printable::{Printable, is_special};
// The generated commands use the client by this name.
use tenant_registry_client as client;
use tenant_registry_client::Client;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            print(&error);
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    match run(arguments) {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            for (index, line) in failure.message().iter().flat_map(|it| it.lines()).enumerate() {
                let start = if index == 0 { "error: " } else { "" };
                eprintln!("{start}{}", Printable(line));
            }
            failure.exit().into()
        }
    }
}

/// Prints an error of the arguments, or the help. An error quotes the arguments, which may contain untrusted text.
fn print(error: &clap::Error) {
    let text = error.render().to_string();
    if text.contains(|it: char| it != '\n' && is_special(it)) {
        text.lines().for_each(|line| eprintln!("{}", Printable(line)));
    } else {
        // If the message cannot be printed, there is no other way to show it.
        let _ = error.print();
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        connection,
        output,
        command,
    } = arguments;
    match command {
        Command::Completions(completions) => completions.print(),
        Command::LogIn(log_in) => run_async(log_in.run(&connection.base_url()?)),
        Command::LogOut(log_out) => run_async(log_out.run(&connection.base_url()?)),
        Command::Operation(command) => with_client(&connection, async |client| {
            output::response(&command.send(client).await?, &output)
        }),
        Command::TenantFind(find) => with_client(&connection, async |client| find.run(client, &output).await),
        Command::AuditTail(tail) => with_client(&connection, async |client| tail.run(client, output.output).await),
        Command::AuditExport(export) => with_client(&connection, async |client| export.run(client).await),
    }
}

fn with_client(connection: &Connection, work: impl AsyncFnOnce(&Client) -> Result<(), Failure>) -> Result<(), Failure> {
    let client = connection.client()?;
    run_async(work(&client))
}

fn run_async(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::System)?;
    runtime.block_on(work)
}
