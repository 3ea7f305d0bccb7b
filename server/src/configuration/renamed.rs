//! Renamed settings of `serve`. The old name of a setting still works, with a warning in the log.

use clap::builder::OsStringValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;
use std::fmt;
use thiserror::Error;

/// The subcommand that has these settings.
const SERVE: &str = "serve";

/// All renamed settings, each with its old and its new name.
const RENAMED: [(Name, Name); 2] = [
    (
        Name {
            flag: "operations-address",
            variable: "OPERATIONS_ADDR",
        },
        Name {
            flag: "metrics-address",
            variable: "METRICS_ADDR",
        },
    ),
    (
        Name {
            flag: "hash-memory",
            variable: "HASH_MEMORY",
        },
        Name {
            flag: "hash-cache-keys",
            variable: "HASH_CACHE_KEYS",
        },
    ),
];

/// The name of a setting.
#[derive(Clone, Copy)]
struct Name {
    flag: &'static str,
    variable: &'static str,
}

impl Name {
    /// Returns the value of the setting with this argument id, if a flag or a variable sets it.
    fn given(self, id: &str, matches: &ArgMatches) -> Option<Given> {
        let source = matches.value_source(id)?;
        let value = matches.get_raw(id)?.next()?.to_owned();
        let name = if source == ValueSource::CommandLine {
            GivenName::Flag(self.flag)
        } else if source == ValueSource::EnvVariable {
            GivenName::Variable(self.variable)
        } else {
            // It is the default.
            return None;
        };
        Some(Given { name, value })
    }
}

/// A setting that was given.
struct Given {
    name: GivenName,
    value: OsString,
}

/// The name under which a setting was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivenName {
    Flag(&'static str),
    Variable(&'static str),
}

impl fmt::Display for GivenName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(formatter, "--{flag}"),
            Self::Variable(variable) => formatter.write_str(variable),
        }
    }
}

/// A setting that was given under its old name. Its text is a warning for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenamedSetting {
    old: GivenName,
    new: GivenName,
}

impl fmt::Display for RenamedSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, new } = self;
        write!(
            formatter,
            "{old} was renamed to {new}; use the new name, because a future release will not accept the old one"
        )
    }
}

/// A setting was given under both names, with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{old} is the old name of {new}, and both are set, to different values: remove {old}")]
pub(super) struct RenameConflict {
    old: GivenName,
    new: GivenName,
}

/// The settings that were given under their old names.
#[derive(Debug, Default)]
pub(super) struct OldNames {
    /// The same settings as arguments with the new names, as far as they are not given under the new name too.
    pub(super) arguments: Vec<OsString>,
    pub(super) settings: Vec<RenamedSetting>,
}

/// Adds the old names as hidden arguments.
pub(super) fn accept_old_names(command: Command) -> Command {
    command.mut_subcommand(SERVE, |serve| {
        RENAMED.iter().fold(serve, |serve, (old, _)| {
            serve.arg(
                Arg::new(old.flag)
                    .long(old.flag)
                    .env(old.variable)
                    .value_parser(OsStringValueParser::new())
                    .hide(true),
            )
        })
    })
}

/// Finds the settings that were given under their old names.
///
/// # Errors
/// Fails if a setting was given under both names, with different values.
pub(super) fn old_names(matches: &ArgMatches) -> Result<OldNames, RenameConflict> {
    let mut found = OldNames::default();
    let Some(matches) = matches.subcommand_matches(SERVE) else {
        return Ok(found);
    };
    for (old, new) in RENAMED {
        let Some(given) = old.given(old.flag, matches) else {
            continue;
        };
        // clap derives the id of the new argument from its field.
        let new_name = match new.given(&new.flag.replace('-', "_"), matches) {
            Some(other) if other.value != given.value => {
                return Err(RenameConflict {
                    old: given.name,
                    new: other.name,
                });
            }
            Some(other) => other.name,
            None => {
                let mut argument = OsString::from(format!("--{}=", new.flag));
                argument.push(&given.value);
                found.arguments.push(argument);
                match given.name {
                    GivenName::Flag(_) => GivenName::Flag(new.flag),
                    GivenName::Variable(_) => GivenName::Variable(new.variable),
                }
            }
        };
        found.settings.push(RenamedSetting {
            old: given.name,
            new: new_name,
        });
    }
    Ok(found)
}
