//! The command line of `tenant-registry`, and how arguments and environment variables are read.

use super::parsers::{days, time, whole_number};
use super::{Configuration, DatabaseConfiguration, renamed, value};
use crate::telemetry::redaction::redact;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::time::Duration;
use tenant_registry_contract::types::Timestamp;

/// Replaces a value in a message.
const WITHHELD: &str = "***";

/// The Tenant Registry: a REST service for tenants, entitlements, API keys and the audit log.
#[derive(Clone, Debug, Parser)]
#[command(name = "tenant-registry", version)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `tenant-registry`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the API until SIGTERM or SIGINT.
    Serve(Box<Configuration>),
    /// Migrate the database's schema to this version, then exit.
    Migrate(DatabaseConfiguration),
    /// Maintain the audit log.
    Audit {
        /// The command.
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Move old audit events to the workers of a Citus cluster, in small steps while the service is running. Run it daily. No
    /// command moves them back.
    Distribute(DistributeConfiguration),
    /// Print the OpenAPI document of this version.
    Openapi,
}

/// What `distribute` moves, and where to.
#[derive(Args, Clone, Debug)]
pub struct DistributeConfiguration {
    /// Move the events that are older than this number of days, at least `1d`.
    #[arg(long, value_name = "DAYS", default_value = "7d", value_parser = days)]
    pub older_than: Duration,

    /// How many shards the workers get in total. Used only the first time. It cannot be changed later, and limits how many
    /// workers can be used.
    #[arg(
        long,
        value_name = "SHARDS",
        default_value_t = 16,
        value_parser = whole_number::<u16>("shards", 1, 1024, 16)
    )]
    pub shards: u16,

    /// Change nothing, and print what would be done.
    #[arg(long)]
    pub dry_run: bool,

    /// The database of the audit log, which is the coordinator of the Citus cluster.
    #[command(flatten)]
    pub database: DatabaseConfiguration,
}

/// The commands that maintain the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Delete old events, in small steps while the service is running, with the role `tenant_registry_pruner`. The audit log
    /// records the deletion and the number of deleted events.
    Prune {
        /// Delete the events before this time (RFC 3339) or date (its start in UTC).
        #[arg(long, value_name = "TIME", value_parser = time)]
        before: Timestamp,

        /// The database of the audit log.
        #[command(flatten)]
        database: DatabaseConfiguration,
    },
}

impl Cli {
    /// Reads the arguments, which begin with the program's name, and the environment.
    ///
    /// # Errors
    /// Fails if a setting is invalid. A request for help is also an error in clap.
    pub fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut command = without_empty_variables(renamed::accept_old_names(Self::command()));
        let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let matches = command.try_get_matches_from_mut(&arguments);
        if !matches.as_ref().is_err_and(is_help) {
            // Before any error of clap's, because clap quotes values.
            value::check_all(&command, &arguments).map_err(|error| command.error(ErrorKind::ValueValidation, error))?;
        }
        let mut matches = matches.map_err(without_secrets)?;
        let old_names =
            renamed::old_names(&matches).map_err(|error| command.error(ErrorKind::ArgumentConflict, error))?;
        if !old_names.arguments.is_empty() {
            // The first two arguments are the program and the command.
            arguments.splice(2..2, old_names.arguments);
            matches = command.try_get_matches_from_mut(&arguments).map_err(without_secrets)?;
        }
        let mut cli = Self::from_arg_matches(&matches)?;
        if let Command::Serve(configuration) = &mut cli.command {
            configuration.renamed_settings = old_names.settings;
            // Checked here, so that nothing has started when the settings contradict each other.
            if let Err(error) = configuration.access() {
                return Err(command.error(ErrorKind::ArgumentConflict, error));
            }
            if let Err(error) = configuration.check_store() {
                return Err(command.error(ErrorKind::MissingRequiredArgument, error));
            }
            if let Err(error) = configuration.standby_settings() {
                return Err(command.error(ErrorKind::ArgumentConflict, error));
            }
            if let Err(error) = configuration.etcd_settings() {
                return Err(command.error(ErrorKind::ArgumentConflict, error));
            }
        }
        Ok(cli)
    }
}

fn is_help(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Removes what clap quotes if it may contain a secret, such as the password in a URL.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    for kind in [
        ContextKind::InvalidValue,
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
    ] {
        let Some(ContextValue::String(quoted)) = error.get(kind) else {
            continue;
        };
        // Most likely a value without its flag. All values have flags.
        let is_stray = error.kind() == ErrorKind::UnknownArgument && !quoted.starts_with('-');
        // Users, passwords and tokens in URLs come with one of these.
        let may_be_secret = quoted.contains(['@', '?', '#']) || redact(quoted) != quoted.as_str();
        if is_stray || may_be_secret {
            error.insert(kind, ContextValue::String(WITHHELD.to_owned()));
        }
    }
    error
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

/// The error as a single line. Returns none if help or the version was requested.
pub fn error_line(error: &clap::Error) -> Option<String> {
    if is_help(error) {
        return None;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Some(
            "error: missing command: use `serve`, `migrate`, `audit`, `distribute`, `openapi` or `help`".to_owned(),
        );
    }
    let text = error.render().to_string();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .collect();
    Some(lines.join(" "))
}
