//! The command line: generated commands, one for each operation, and hand-written commands that send several requests.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use tenant_registry_client::Client;

use crate::audit::{Export, Tail};
use crate::connection::Connection;
use crate::exit_code;
use crate::failure::Failure;
use crate::generated::OperationCommand;
use crate::login::{LogIn, LogOut};
use crate::names::{self, Names};
use crate::new_api_key::NewApiKey;
use crate::output::{self, OutputOptions};
use crate::setting;
use crate::tenant_find::Find;
use crate::tenant_show::Show;

/// The name of the program.
const NAME: &str = "registry";

/// The parsed command line.
pub(crate) struct Arguments {
    pub(crate) connection: Connection,
    pub(crate) output: OutputOptions,
    pub(crate) command: Command,
}

/// A command with its arguments.
pub(crate) enum Command {
    Online(OnlineCommand),
    Completions(Completions),
    LogIn(LogIn),
    LogOut(LogOut),
}

/// A command that sends requests to the service.
pub(crate) enum OnlineCommand {
    Operation(OperationCommand),
    NewApiKey(NewApiKey),
    TenantFind(Box<Find>),
    TenantShow(Show),
    AuditTail(Tail),
    AuditExport(Export),
}

/// The options of all commands.
#[derive(Debug, Parser)]
#[command(name = NAME, version, subcommand_required = true, arg_required_else_help = true)]
struct Program {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: OutputOptions,
}

/// Print a completion script for a shell.
///
/// For bash: `registry completions bash > ~/.local/share/bash-completion/completions/registry`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn print(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut clap_command(&Names::default()), NAME, &mut script);
        output::bytes(&script)
    }
}

/// The whole command line.
fn clap_command(names: &Names) -> clap::Command {
    // Flattening the parts replaces the description, so it is set here.
    let command = OperationCommand::augment_subcommands(Program::command())
        .about("Command line client of the Tenant Registry, with a command for each operation of its API")
        .long_about(
            "Command line client of the Tenant Registry, with a command for each operation of its API.\n\nOnly data is \
             written to standard output. Messages are written to standard error.",
        )
        .after_help(format!("{}\n\n{}", names::HELP, exit_code::help()))
        .mut_subcommand("tenant", |tenant| {
            tenant.subcommand(Find::command()).subcommand(Show::command())
        })
        .mut_subcommand("api-key", |api_key| NewApiKey::augment(api_key).visible_alias("key"))
        .mut_subcommand("audit", |audit| {
            audit.subcommand(Tail::command()).subcommand(Export::command())
        })
        .subcommand(LogIn::augment_args(clap::Command::new("login")))
        .subcommand(LogOut::augment_args(clap::Command::new("logout")))
        .subcommand(Completions::augment_args(clap::Command::new("completions")));
    names.accept(command)
}

fn parse(arguments: &[OsString], names: &Names) -> Result<ArgMatches, clap::Error> {
    let mut command = ignore_empty_variables(clap_command(names));
    let matches = command.try_get_matches_from_mut(arguments);
    let is_help = matches.as_ref().is_err_and(|error| !error.use_stderr());
    if !is_help {
        setting::check(&command, arguments).map_err(|error| command.error(ErrorKind::ValueValidation, error))?;
    }
    matches
}

impl Arguments {
    /// Parses the command line. An ID whose name is not known yet is not the right one.
    pub(crate) fn parse(arguments: &[OsString], names: &Names) -> Result<Self, clap::Error> {
        let matches = parse(arguments, names)?;
        let Program { connection, output } = Program::from_arg_matches(&matches)?;
        Ok(Self {
            connection,
            output,
            command: Command::from_matches(&matches)?,
        })
    }
}

impl Command {
    fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (group, group_matches) = match matches.subcommand() {
            Some((group, matches)) => (group, matches),
            None => return OnlineCommand::from_matches(matches).map(Self::Online),
        };
        match group {
            "login" => LogIn::from_arg_matches(group_matches).map(Self::LogIn),
            "logout" => LogOut::from_arg_matches(group_matches).map(Self::LogOut),
            "completions" => Completions::from_arg_matches(group_matches).map(Self::Completions),
            _ => OnlineCommand::from_matches(matches).map(Self::Online),
        }
    }
}

impl OnlineCommand {
    /// Parses a command line whose names are known.
    pub(crate) fn parse(arguments: &[OsString], names: &Names) -> Result<Self, clap::Error> {
        Self::from_matches(&parse(arguments, names)?)
    }

    fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (group, group_matches) = match matches.subcommand() {
            Some((group, matches)) => (group, matches),
            None => return OperationCommand::from_arg_matches(matches).map(Self::Operation),
        };
        match (group, group_matches.subcommand()) {
            ("tenant", Some((Find::NAME, find))) => {
                Find::from_arg_matches(find).map(|find| Self::TenantFind(Box::new(find)))
            }
            ("tenant", Some((Show::NAME, show))) => Show::from_arg_matches(show).map(Self::TenantShow),
            ("api-key", _) => match NewApiKey::from_matches(group_matches)? {
                Some(new_api_key) => Ok(Self::NewApiKey(new_api_key)),
                None => OperationCommand::from_arg_matches(matches).map(Self::Operation),
            },
            ("audit", Some((Tail::NAME, tail))) => Tail::from_arg_matches(tail).map(Self::AuditTail),
            ("audit", Some((Export::NAME, export))) => Export::from_arg_matches(export).map(Self::AuditExport),
            _ => OperationCommand::from_arg_matches(matches).map(Self::Operation),
        }
    }

    /// Sends the requests and writes the output.
    pub(crate) async fn run(self, client: &Client, options: &OutputOptions) -> Result<(), Failure> {
        match self {
            Self::Operation(command) => output::response(&command.send(client).await?, options),
            Self::NewApiKey(new_api_key) => new_api_key.run(client, options).await,
            Self::TenantFind(find) => find.run(client, options).await,
            Self::TenantShow(show) => show.run(client, options).await,
            Self::AuditTail(tail) => tail.run(client, options.output).await,
            Self::AuditExport(export) => export.run(client).await,
        }
    }
}

/// Treats empty environment variables as unset.
fn ignore_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let is_empty = |variable| std::env::var_os(variable).is_some_and(|value| value.is_empty());
        if argument.get_env().is_some_and(is_empty) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    });
    command.mut_subcommands(ignore_empty_variables)
}

#[cfg(test)]
mod tests {
    use super::clap_command;
    use crate::names::Names;

    #[test]
    fn the_commands_are_well_formed() {
        clap_command(&Names::default()).debug_assert();
    }
}
