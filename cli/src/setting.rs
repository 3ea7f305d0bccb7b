//! Rejects settings with invisible characters: white space at the ends, controls, and marks of bidirectional text.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::Arg;

use crate::printable::is_special;

/// Checks the settings, which are the arguments with an environment variable. Other arguments are data, which may contain
/// anything. Returns an error that does not quote the value.
pub(crate) fn check(command: &clap::Command, arguments: &[OsString]) -> Result<(), String> {
    for setting in command.get_arguments() {
        if let Some(variable) = setting.get_env() {
            let given = env::var_os(variable);
            check_value(&variable.to_string_lossy(), given.as_deref())?;
            check_flag(setting, arguments)?;
        }
    }
    command
        .get_subcommands()
        .try_for_each(|subcommand| check(subcommand, arguments))
}

fn check_flag(setting: &Arg, arguments: &[OsString]) -> Result<(), String> {
    let Some(flag) = setting.get_long().map(|name| format!("--{name}")) else {
        return Ok(());
    };
    for (position, argument) in arguments.iter().enumerate() {
        let argument = argument.to_string_lossy();
        match argument.strip_prefix(&flag) {
            Some("") => check_value(&flag, arguments.get(position + 1).map(OsString::as_os_str))?,
            Some(rest) => check_value(&flag, rest.strip_prefix('=').map(OsStr::new))?,
            None => {}
        }
    }
    Ok(())
}

fn check_value(setting: &str, value: Option<&OsStr>) -> Result<(), String> {
    let Some(value) = value else {
        return Ok(());
    };
    let text = value.to_str().ok_or_else(|| format!("{setting} is not valid UTF-8"))?;
    if text.trim() != text {
        return Err(format!("{setting} begins or ends with white space; remove it"));
    }
    if text.contains(is_special) {
        return Err(format!("{setting} contains an invisible character; remove it"));
    }
    Ok(())
}
