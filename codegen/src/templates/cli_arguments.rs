//! Parses the arguments of commands, and builds request bodies from them.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::types;
use crate::client::types::{Member, MemberContent, RequestObject};
use chrono::{NaiveDate, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::Failure;

/// The source of a text.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// Standard input, given as `-`.
    Standard,
    File(PathBuf),
}

impl From<OsString> for Input {
    fn from(argument: OsString) -> Self {
        if argument == "-" {
            Self::Standard
        } else {
            Self::File(argument.into())
        }
    }
}

impl Input {
    /// Reads the whole text.
    pub(crate) fn read(self) -> Result<String, Failure> {
        static IS_STANDARD_READ: AtomicBool = AtomicBool::new(false);
        match self {
            Self::File(path) => fs::read_to_string(&path).map_err(|error| Failure::unreadable(path.display(), &error)),
            Self::Standard if IS_STANDARD_READ.swap(true, Ordering::Relaxed) => Err(Failure::Usage(
                "only one argument can be read from standard input".to_owned(),
            )),
            Self::Standard => {
                io::read_to_string(io::stdin()).map_err(|error| Failure::unreadable("standard input", &error))
            }
        }
    }
}

/// A JSON argument: the value, whose text is kept, or the file that contains it.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Given(Box<RawValue>),
    From(Input),
}

impl FromStr for Json {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        match argument.strip_prefix('@') {
            Some(place) => Ok(Self::From(Input::from(OsString::from(place)))),
            None => serde_json::from_str(argument).map(Self::Given).map_err(|error| {
                format!("must be JSON such as {{\"pages\": 3}}, or `@PATH` to read it from a file: {error}")
            }),
        }
    }
}

/// Returns the JSON of an argument.
pub(crate) fn json(argument: Option<Json>) -> Result<Option<Box<RawValue>>, Failure> {
    let read = |argument| match argument {
        Json::Given(value) => Ok(value),
        Json::From(input) => read_json(input),
    };
    argument.map(read).transpose()
}

fn read_json<T: DeserializeOwned>(input: Input) -> Result<T, Failure> {
    let place = match &input {
        Input::Standard => "standard input".to_owned(),
        Input::File(path) => path.display().to_string(),
    };
    serde_json::from_str(&input.read()?).map_err(|error| Failure::Usage(format!("{place} is not JSON: {error}")))
}

/// Reads a secret from a file and removes the final newline.
pub(crate) fn secret(argument: Option<Input>) -> Result<Option<Value>, Failure> {
    let read = |input: Input| {
        let text = input.read()?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Value::from(line.strip_suffix('\r').unwrap_or(line)))
    };
    argument.map(read).transpose()
}

/// Reads JSON that contains a secret from a file.
pub(crate) fn secret_json(argument: Option<Input>) -> Result<Option<Box<RawValue>>, Failure> {
    argument.map(read_json).transpose()
}

/// A value or `null`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Nullable<T> {
    Null,
    Given(T),
}

/// Parses `null`, and other texts with `parse`.
pub(crate) fn nullable<T, E>(
    parse: impl Fn(&str) -> Result<T, E> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<Nullable<T>, E> + Clone + Send + Sync + 'static
where
    T: 'static,
    E: 'static,
{
    move |argument| match argument {
        "null" => Ok(Nullable::Null),
        text => parse(text).map(Nullable::Given),
    }
}

/// The value of a nullable member of a merge patch: given by its own option, or removed by `--clear`.
pub(crate) fn patch<T>(flag: &str, value: Option<T>, cleared: &[String]) -> Result<Option<Nullable<T>>, Failure> {
    match (value, cleared.iter().any(|it| it == flag)) {
        (Some(_), true) => Err(Failure::Usage(format!("use either `--{flag}` or `--clear {flag}`"))),
        (Some(value), false) => Ok(Some(Nullable::Given(value))),
        (None, true) => Ok(Some(Nullable::Null)),
        (None, false) => Ok(None),
    }
}

/// Parses a whole number from `minimum` to `maximum`, which are the bounds of `T`.
pub(crate) fn parse_integer<T: FromStr>(
    minimum: i64,
    maximum: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |argument| {
        let expected = |_| format!("must be a whole number from {minimum} to {maximum}, such as 7");
        argument.parse().map_err(expected)
    }
}

/// Parses a number.
pub(crate) fn parse_number(argument: &str) -> Result<f64, &'static str> {
    let number: Option<f64> = argument.parse().ok();
    number.filter(|it| it.is_finite()).ok_or("must be a number such as 1.5")
}

/// Parses a time, a date, or an age such as `1h`.
pub(crate) fn parse_time<T: 'static, E: 'static>(
    parse: fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<T, &'static str> + Clone + Send + Sync + 'static {
    const EXPECTED: &str = "must be a time such as 2026-11-23T09:30:00Z (RFC 3339), a date such as 2026-11-23, or how \
                            long ago, such as 30s, 15m, 1h or 7d";
    move |argument| {
        let time = match (age(argument), argument.parse::<NaiveDate>()) {
            (Some(age), _) => Utc::now().checked_sub_signed(age).ok_or(EXPECTED)?.to_rfc3339(),
            (None, Ok(_)) => format!("{argument}T00:00:00Z"),
            (None, Err(_)) => argument.to_owned(),
        };
        parse(&time).map_err(|_| EXPECTED)
    }
}

/// A number with a unit, such as `15m`.
fn age(argument: &str) -> Option<TimeDelta> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
    let (number, seconds) = units
        .into_iter()
        .find_map(|(unit, seconds)| Some((argument.strip_suffix(unit)?, seconds)))?;
    let number: u32 = number.parse().ok().filter(|_| !number.starts_with('+'))?;
    TimeDelta::try_seconds(i64::from(number) * seconds)
}

/// Parses one of these values. The help and the completions list them.
pub(crate) fn one_of<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

/// The properties of a body. It has no `Debug`, because it may contain a secret.
pub(crate) struct Body(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Properties)
    }
}

/// Reads properties, and rejects duplicates.
struct Properties;

impl<'de> Visitor<'de> for Properties {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Body, A::Error> {
        let mut properties = BTreeMap::new();
        while let Some((name, value)) = from.next_entry::<String, Box<RawValue>>()? {
            if properties.contains_key(&name) {
                return Err(A::Error::custom(format!("the member `{name}` is there twice")));
            }
            properties.insert(name, value);
        }
        Ok(Body(properties))
    }
}

impl Body {
    /// Starts with the properties in a file, if there is one.
    pub(crate) fn from_file(file: Option<Input>) -> Result<Self, Failure> {
        let Some(file) = file else {
            return Ok(Self(BTreeMap::new()));
        };
        let body: Box<RawValue> = read_json(file)?;
        serde_json::from_str(body.get()).map_err(|error| invalid(".", &error))
    }

    /// Sets a property, unless the value is `None`.
    pub(crate) fn set(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), Failure> {
        if let Some(value) = value {
            let value = to_raw_value(&value).map_err(|error| invalid(name, &error))?;
            self.0.insert(name.to_owned(), value);
        }
        Ok(())
    }
}

/// Rejects members that the object does not have. `place` is its place in the body.
fn check_members(value: &RawValue, members: &[Member], place: &str) -> Result<(), Failure> {
    match serde_json::from_str(value.get()) {
        Ok(Body(object)) => object
            .iter()
            .try_for_each(|(name, value)| check_member(name, value, members, place)),
        // Not an object: its type is checked later.
        Err(error) if error.is_data() && !value.get().starts_with('{') => Ok(()),
        Err(error) => Err(invalid(place, &error)),
    }
}

fn check_items(value: &RawValue, members: &[Member], place: &str) -> Result<(), Failure> {
    // Not a list: its type is checked later.
    let items: Vec<Box<RawValue>> = serde_json::from_str(value.get()).unwrap_or_default();
    let mut items = items.iter().enumerate();
    items.try_for_each(|(index, item)| check_members(item, members, &format!("{place}[{index}]")))
}

fn check_member(name: &str, value: &RawValue, members: &[Member], place: &str) -> Result<(), Failure> {
    let separator = if place.is_empty() { "" } else { "." };
    let place = format!("{place}{separator}{name}");
    match members.iter().find(|member| member.name == name) {
        Some(member) => match member.content {
            MemberContent::Value => Ok(()),
            MemberContent::Object(members) => check_members(value, members(), &place),
            MemberContent::Objects(members) => check_items(value, members(), &place),
        },
        None => {
            let known = members.iter().map(|member| member.name);
            let reason = types::unknown_name("member", &place, name, known);
            Err(Failure::Usage(format!("invalid body: {reason}")))
        }
    }
}

/// Validates the body.
pub(crate) fn finish<T: DeserializeOwned + RequestObject>(body: Body) -> Result<T, Failure> {
    let body = to_raw_value(&body.0).map_err(|error| invalid(".", &error))?;
    check_members(&body, T::members(), "")?;
    let mut deserializer = serde_json::Deserializer::from_str(body.get());
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| invalid(&error.path().to_string(), error.inner()))
}

/// Validates the body, unless it has no properties.
pub(crate) fn finish_unless_empty<T: DeserializeOwned + RequestObject>(body: Body) -> Result<Option<T>, Failure> {
    if body.0.is_empty() {
        Ok(None)
    } else {
        finish(body).map(Some)
    }
}

fn invalid(path: &str, error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    // serde_json appends a position in a text that the caller has not written.
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    Failure::Usage(match path {
        "." => format!("invalid body: {reason}"),
        path => format!("invalid body: `{path}`: {reason}"),
    })
}
