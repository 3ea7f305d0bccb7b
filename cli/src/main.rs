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
mod names;
mod new_api_key;
mod output;
mod printable;
mod private_file;
mod setting;
mod table;
mod tenant_find;
mod tenant_show;
mod whole_number;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use command::{Arguments, Command, OnlineCommand};
use exit_code::Exit;
use failure::Failure;
use names::Names;
use printable::{Printable, is_special};
// The generated commands use the client by this name.
use tenant_registry_client as client;

fn main() -> ExitCode {
    let given: Vec<OsString> = env::args_os().collect();
    let names = Names::default();
    let arguments = match Arguments::parse(&given, &names) {
        Ok(arguments) => arguments,
        Err(error) => {
            print(&error);
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    match run(arguments, &given, &names) {
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

fn run(arguments: Arguments, given: &[OsString], names: &Names) -> Result<(), Failure> {
    let Arguments {
        connection,
        output,
        command,
    } = arguments;
    match command {
        Command::Completions(completions) => completions.print(),
        Command::LogIn(log_in) => run_async(log_in.run(&connection.base_url()?)),
        Command::LogOut(log_out) => run_async(log_out.run(&connection.base_url()?)),
        Command::Online(command) => {
            let client = connection.client()?;
            run_async(async {
                let command = if names.are_unknown() {
                    names.look_up(&client).await?;
                    OnlineCommand::parse(given, names).map_err(|error| Failure::Usage(error.to_string()))?
                } else {
                    command
                };
                command.run(&client, &output).await
            })
        }
    }
}

fn run_async(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::System)?;
    runtime.block_on(work)
}
