//! The commands as they are typed: those of the operations, which are generated, and those that are more than one request.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::audit::{Export, Tail};
use crate::connection::Connection;
use crate::exit_code;
use crate::failure::Failure;
use crate::generated::OperationCommand;
use crate::output::{self, OutputFormat};

/// The name of the program.
const NAME: &str = "registry";

/// What was typed.
pub(crate) struct Arguments {
    pub(crate) connection: Connection,
    pub(crate) output: OutputFormat,
    pub(crate) command: Command,
}

/// A command.
pub(crate) enum Command {
    Operation(OperationCommand),
    AuditTail(Tail),
    AuditExport(Export),
    Completions(Completions),
}

/// The options of all commands.
#[derive(Debug, Parser)]
#[command(name = NAME, version, subcommand_required = true, arg_required_else_help = true)]
struct Program {
    #[command(flatten)]
    connection: Connection,
    /// How answers are written: a table for people, or JSON for programs. It does not depend on where the output goes.
    #[arg(
        long,
        global = true,
        env = "TENANT_REGISTRY_OUTPUT",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        help_heading = "Output"
    )]
    output: OutputFormat,
}

/// Print the completions of a shell.
///
/// For bash: `registry completions bash > ~/.local/share/bash-completion/completions/registry`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn print(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut tree(), NAME, &mut script);
        output::bytes(&script)
    }
}

/// All commands.
pub(crate) fn tree() -> clap::Command {
    // What the parts say of themselves is not what the whole is.
    OperationCommand::augment_subcommands(Program::command())
        .about("The command line of the Tenant Registry: each operation of its API is a command")
        .long_about(
            "The command line of the Tenant Registry: each operation of its API is a command.\n\nStandard output carries \
             data alone; messages go to standard error.",
        )
        .after_help(exit_code::list())
        .mut_subcommand("audit", |audit| {
            audit.subcommand(Tail::command()).subcommand(Export::command())
        })
        .subcommand(Completions::augment_args(clap::Command::new("completions")))
}

impl Arguments {
    /// Reads what was typed.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = without_empty_variables(tree()).try_get_matches_from(arguments)?;
        let Program { connection, output } = Program::from_arg_matches(&matches)?;
        Ok(Self {
            connection,
            output,
            command: Command::of(&matches)?,
        })
    }
}

impl Command {
    fn of(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (group, within) = match matches.subcommand() {
            Some((group, matches)) => (group, matches),
            None => return OperationCommand::from_arg_matches(matches).map(Self::Operation),
        };
        match (group, within.subcommand()) {
            ("completions", _) => Completions::from_arg_matches(within).map(Self::Completions),
            ("audit", Some((Tail::NAME, tail))) => Tail::from_arg_matches(tail).map(Self::AuditTail),
            ("audit", Some((Export::NAME, export))) => Export::from_arg_matches(export).map(Self::AuditExport),
            _ => OperationCommand::from_arg_matches(matches).map(Self::Operation),
        }
    }
}

/// A variable that is set to nothing counts as not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let is_empty = |variable| std::env::var_os(variable).is_some_and(|value| value.is_empty());
        if argument.get_env().is_some_and(is_empty) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    })
}

#[cfg(test)]
mod tests {
    use super::tree;

    #[test]
    fn the_commands_are_well_formed() {
        tree().debug_assert();
    }
}
