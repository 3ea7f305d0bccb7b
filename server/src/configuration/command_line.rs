//! The command line: what the program can do, and how arguments and variables are read.

use super::{Configuration, DatabaseConfiguration};
use chrono::{DateTime, Utc};
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// The Tenant Registry: a REST service for tenants, entitlements, API keys and the audit log.
#[derive(Clone, Debug, Parser)]
#[command(name = "tenant-registry", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the API until SIGTERM or SIGINT.
    Serve(Box<Configuration>),
    /// Bring the database's schema up to date, and end.
    Migrate(DatabaseConfiguration),
    /// Look after the audit log.
    Audit {
        /// How.
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Print the OpenAPI document that is built in.
    Openapi,
}

/// What operators can do to the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Delete old events, in small steps beside the running service, as the role `tenant_registry_pruner`. The log records
    /// that it was done, and how much.
    Prune {
        /// Delete the events before this time (RFC 3339).
        #[arg(long, value_name = "TIME")]
        before: DateTime<Utc>,

        /// Where the log is.
        #[command(flatten)]
        database: DatabaseConfiguration,
    },
}

impl Cli {
    /// Reads arguments, the first of which is the program's name, and the environment.
    ///
    /// # Errors
    /// A setting that cannot be read; or that help was asked for, which clap counts as an error.
    pub fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut command = without_empty_variables(Self::command());
        let cli = Self::from_arg_matches(&command.try_get_matches_from_mut(arguments)?)?;
        // Before anything is begun.
        if let Command::Serve(configuration) = &cli.command
            && let Err(error) = configuration.access()
        {
            return Err(command.error(ErrorKind::ArgumentConflict, error));
        }
        Ok(cli)
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| {
            let is_empty = |variable| std::env::var_os(variable).is_some_and(|value| value.is_empty());
            if argument.get_env().is_some_and(is_empty) {
                argument.env(Resettable::Reset)
            } else {
                argument
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// The one line that says why the start stops; none where help or the version was asked for.
pub fn refusal(error: &clap::Error) -> Option<String> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return None;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Some("error: say what to do: `serve`, `migrate`, `audit`, `openapi` or `help`".to_owned());
    }
    let text = error.render().to_string();
    let telling: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .collect();
    Some(telling.join(" "))
}
