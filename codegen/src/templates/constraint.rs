//! Errors of values that violate a constraint of the spec.

use std::fmt;
use std::str::FromStr;

use regress::Regex;

/// A value violates a constraint of the spec. The message says which constraint, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// The text does not match its pattern.
    #[error("must match the pattern `{pattern}`, but {value} does not")]
    Pattern {
        /// The pattern, as an ECMAScript regular expression.
        pattern: &'static str,
        /// The value.
        value: Quoted,
    },
    /// The text is too short.
    #[error("must have at least {}, but has {actual}", counted(*minimum, "character"))]
    TooShort {
        /// The minimum number of characters.
        minimum: usize,
        /// The actual number of characters.
        actual: usize,
    },
    /// The text is too long.
    #[error("must have at most {}, but has {actual}", counted(*maximum, "character"))]
    TooLong {
        /// The maximum number of characters.
        maximum: usize,
        /// The actual number of characters.
        actual: usize,
    },
    /// The list is too short.
    #[error("must have at least {}, but has {actual}", counted(*minimum, "item"))]
    TooFewItems {
        /// The minimum number of items.
        minimum: usize,
        /// The actual number of items.
        actual: usize,
    },
    /// The list is too long.
    #[error("must have at most {}", counted(*maximum, "item"))]
    TooManyItems {
        /// The maximum number of items.
        maximum: usize,
    },
    /// The JSON is too large.
    #[error("must have at most {maximum} bytes as JSON without white space, but has {actual}")]
    TooManyBytes {
        /// The maximum number of bytes.
        maximum: usize,
        /// The actual number of bytes.
        actual: usize,
    },
    /// The JSON is nested too deeply.
    #[error("must have at most {maximum} nested levels of objects and lists, but has {actual}")]
    TooManyLevels {
        /// The maximum number of levels.
        maximum: usize,
        /// The actual number of levels.
        actual: usize,
    },
    /// The JSON has a number that most programs cannot read.
    #[error("must not have numbers beyond those of 64-bit floating point, such as {value}")]
    NumberTooLarge {
        /// The number.
        value: Quoted,
    },
    /// The JSON has an escape of an unpaired surrogate.
    #[error("must not have a lone surrogate, such as `\\ud800` without `\\udc00` after it")]
    LoneSurrogate,
    /// The number is too small.
    #[error("must be at least {minimum}, but is {actual}")]
    TooSmall {
        /// The minimum.
        minimum: i64,
        /// The value.
        actual: i64,
    },
    /// The number is too large.
    #[error("must be at most {maximum}, but is {actual}")]
    TooLarge {
        /// The maximum.
        maximum: i64,
        /// The value.
        actual: i64,
    },
    /// The text is not an integer in the allowed range.
    #[error("must be a whole number from {minimum} to {maximum}, but is {value}")]
    NotAnInteger {
        /// The minimum.
        minimum: i64,
        /// The maximum.
        maximum: i64,
        /// The value.
        value: Quoted,
    },
    /// The text is not a value of the enum.
    #[error("must be one of {}, but is {value}", Listed(allowed))]
    NotOneOf {
        /// The values of the enum.
        allowed: &'static [&'static str],
        /// The value.
        value: Quoted,
    },
    /// The text does not have the required format.
    #[error("must be {expected}, but is {value}")]
    Format {
        /// The expected format, with an example.
        expected: &'static str,
        /// The value.
        value: Quoted,
    },
}

/// `1 item`, `2 items`.
fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A rejected value, as shown in messages: truncated, and hidden if it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(Option<String>);

impl Quoted {
    /// The maximum number of characters to show.
    const LIMIT: usize = 64;

    /// Shows the value in messages.
    pub fn shown(value: &str) -> Self {
        let mut text: String = value.chars().take(Self::LIMIT).collect();
        if text.len() < value.len() {
            text.push('…');
        }
        Self(Some(text))
    }

    /// Hides the value, because it may be a secret.
    pub fn hidden() -> Self {
        Self(None)
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(f, "`{}`", text.escape_debug()),
            None => f.write_str("the value"),
        }
    }
}

struct Listed<'a>(&'a [&'a str]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{value}`")?;
        }
        Ok(())
    }
}

/// A compiled pattern of the spec.
pub(super) struct CompiledPattern {
    source: &'static str,
    matcher: Matcher,
}

enum Matcher {
    /// Any text without U+0000. Most free text has this pattern, and searching for one byte is faster than a regex.
    WithoutNul,
    Regex(Regex),
}

impl CompiledPattern {
    #[expect(clippy::expect_used, reason = "the generator has compiled the same pattern with the same flags")]
    pub(super) fn new(source: &'static str) -> Self {
        let matcher = match source {
            r"^[^\u0000]*$" => Matcher::WithoutNul,
            source => Matcher::Regex(Regex::with_flags(source, "u").expect("a pattern that the generator has checked")),
        };
        Self { source, matcher }
    }

    pub(super) fn check(&self, text: &str, quote: fn(&str) -> Quoted) -> Result<(), ConstraintError> {
        let matches = match &self.matcher {
            Matcher::WithoutNul => !text.as_bytes().contains(&0),
            Matcher::Regex(regex) => regex.find(text).is_some(),
        };
        if matches {
            Ok(())
        } else {
            Err(ConstraintError::Pattern { pattern: self.source, value: quote(text) })
        }
    }
}

/// Parses an integer in its only form. `str::parse` also reads `+1` and `01`.
pub(super) fn parse_integer<T: FromStr + ToString>(
    text: &str,
    minimum: i64,
    maximum: i64,
) -> Result<T, ConstraintError> {
    let number = text.parse().ok().filter(|number: &T| number.to_string() == text);
    number.ok_or_else(|| ConstraintError::NotAnInteger { minimum, maximum, value: Quoted::shown(text) })
}

pub(super) fn check_minimum_length(text: &str, minimum: usize) -> Result<(), ConstraintError> {
    match text.chars().count() {
        actual if actual < minimum => Err(ConstraintError::TooShort { minimum, actual }),
        _ => Ok(()),
    }
}

pub(super) fn check_maximum_length(text: &str, maximum: usize) -> Result<(), ConstraintError> {
    match text.chars().count() {
        actual if actual > maximum => Err(ConstraintError::TooLong { maximum, actual }),
        _ => Ok(()),
    }
}

pub(super) fn check_minimum(actual: i64, minimum: i64) -> Result<(), ConstraintError> {
    if actual < minimum { Err(ConstraintError::TooSmall { minimum, actual }) } else { Ok(()) }
}

pub(super) fn check_maximum(actual: i64, maximum: i64) -> Result<(), ConstraintError> {
    if actual > maximum { Err(ConstraintError::TooLarge { maximum, actual }) } else { Ok(()) }
}
