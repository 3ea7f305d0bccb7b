//! Rejects values with invisible characters, before any setting interprets its value.
//!
//! They come from files with a line break at the end, from quoted or copied text, and from shells. Most settings would reject
//! them with a puzzling message. The others would compare a wrong name and find no match.

use crate::invisible::is_invisible;
use clap::Command;
use std::env;
use std::ffi::{OsStr, OsString};
use thiserror::Error;

/// What is wrong with a value. The message does not quote the value, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ValueError {
    #[error("is not valid UTF-8")]
    NotUtf8,
    #[error("begins or ends with white space; remove it")]
    Padded,
    #[error("contains the invisible character U+{:04X}; remove it", u32::from(*.0))]
    Invisible(char),
}

/// A setting whose value is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting} {error}")]
pub(super) struct SettingError {
    /// The flag or the variable.
    setting: String,
    error: ValueError,
}

/// Checks a value.
pub(super) fn check(text: &str) -> Result<(), ValueError> {
    if text.trim() != text {
        return Err(ValueError::Padded);
    }
    text.chars()
        .find(|character| is_invisible(*character))
        .map_or(Ok(()), |character| Err(ValueError::Invisible(character)))
}

fn check_os(value: &OsStr) -> Result<(), ValueError> {
    check(value.to_str().ok_or(ValueError::NotUtf8)?)
}

/// Checks all arguments, which begin with the program's name, and the environment variables of the chosen command.
pub(super) fn check_all(command: &Command, arguments: &[OsString]) -> Result<(), SettingError> {
    let mut flag = "an argument".to_owned();
    for argument in arguments.iter().skip(1) {
        let text = argument.to_string_lossy();
        let value = if text.starts_with("--") {
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            name.clone_into(&mut flag);
            value
        } else {
            // The value of the flag before it.
            &text
        };
        let is_utf8 = argument.to_str().map(|_| ()).ok_or(ValueError::NotUtf8);
        is_utf8.and_then(|()| check(value)).map_err(|error| SettingError {
            setting: flag.clone(),
            error,
        })?;
    }
    let chosen = arguments.get(1).and_then(|name| command.find_subcommand(name));
    chosen.map_or(Ok(()), check_variables)
}

fn check_variables(command: &Command) -> Result<(), SettingError> {
    for variable in command.get_arguments().filter_map(clap::Arg::get_env) {
        if let Some(value) = env::var_os(variable) {
            check_os(&value).map_err(|error| SettingError {
                setting: variable.to_string_lossy().into_owned(),
                error,
            })?;
        }
    }
    command.get_subcommands().try_for_each(check_variables)
}

#[cfg(test)]
mod tests {
    use super::{ValueError, check};

    #[test]
    fn white_space_at_the_ends_and_invisible_characters_are_rejected() {
        for good in [
            "",
            "a",
            "Tenant Admin",
            "10.0.0.0/8, 192.0.2.1",
            "bücher",
            "\u{65}\u{301}",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for padded in [" a", "a ", "a\n", "a\r\n", "\ta", "\u{a0}a", "a\u{2028}", " "] {
            assert_eq!(check(padded), Err(ValueError::Padded), "{padded:?}");
        }
        for invisible in ['\0', '\n', '\r', '\u{1b}', '\u{7f}', '\u{200b}', '\u{202e}', '\u{feff}'] {
            let text = format!("a{invisible}b");
            assert_eq!(check(&text), Err(ValueError::Invisible(invisible)), "{text:?}");
        }
        assert_eq!(check("\u{feff}a"), Err(ValueError::Invisible('\u{feff}')));
        assert_eq!(
            ValueError::Invisible('\u{202e}').to_string(),
            "contains the invisible character U+202E; remove it"
        );
    }
}
