use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::constraint::{ConstraintError, Quoted};

/// A JSON object with any members. Its text is kept, without white space between the tokens: numbers, the order of
/// members and duplicate members stay as they were written.
///
/// Make one from JSON text with [`str::parse`], from a [`serde_json::Map`] with `From`, or from any value that serializes
/// as an object with [`JsonObject::from_value`].
#[derive(Clone)]
pub struct JsonObject(Box<RawValue>);

impl JsonObject {
    /// Serializes a value.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be serialized, or is not an object.
    pub fn from_value(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Self::from_raw(to_raw_value(value)?).map_err(serde_json::Error::custom)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Deserializes the whole object, for example as a [`serde_json::Map`].
    ///
    /// # Errors
    ///
    /// Fails if the type does not fit, or cannot hold a value. A [`serde_json::Value`] cannot hold every number.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// Deserializes the member with this name; `None` if there is none. Of duplicates, it returns the last.
    ///
    /// # Errors
    ///
    /// Fails if the type does not fit, or cannot hold the value.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(self.as_str())?;
        members.get(name).map(|value| serde_json::from_str(value.get())).transpose()
    }

    /// Whether the object has no members.
    pub fn is_empty(&self) -> bool {
        self.as_str() == "{}"
    }

    /// Checks the limits of the spec. A level is an object or a list; the object itself is the first.
    ///
    /// # Errors
    ///
    /// Returns the first limit that the object exceeds.
    pub fn check(&self, max_bytes: usize, max_levels: usize) -> Result<(), ConstraintError> {
        let bytes = self.as_str().len();
        if bytes > max_bytes {
            return Err(ConstraintError::TooManyBytes { maximum: max_bytes, actual: bytes });
        }
        let Structure { levels, .. } = Structure::of(self.as_str());
        if levels > max_levels {
            return Err(ConstraintError::TooManyLevels { maximum: max_levels, actual: levels });
        }
        if let Some(number) = infinite_number(self.as_str()) {
            return Err(ConstraintError::NumberTooLarge { value: Quoted::shown(number) });
        }
        if has_lone_surrogate(self.as_str()) {
            return Err(ConstraintError::LoneSurrogate);
        }
        Ok(())
    }

    fn from_raw(raw: Box<RawValue>) -> Result<Self, ConstraintError> {
        let text = raw.get();
        if !text.starts_with('{') {
            return Err(ConstraintError::Format { expected: "a JSON object", value: Quoted::shown(text) });
        }
        if Structure::of(text).blanks == 0 {
            return Ok(Self(raw));
        }
        Ok(Self(raw_value(without_blanks(text))))
    }
}

#[expect(clippy::expect_used, reason = "every caller passes valid JSON")]
fn raw_value(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("valid JSON")
}

/// The empty object.
impl Default for JsonObject {
    fn default() -> Self {
        Self(raw_value("{}".to_owned()))
    }
}

impl From<Map<String, Value>> for JsonObject {
    fn from(members: Map<String, Value>) -> Self {
        Self(raw_value(Value::Object(members).to_string()))
    }
}

impl FromStr for JsonObject {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl PartialEq for JsonObject {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_raw(Box::<RawValue>::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What valid JSON has outside its strings.
struct Structure {
    /// How deep objects and lists are nested.
    levels: usize,
    /// How many bytes are white space.
    blanks: usize,
}

impl Structure {
    fn of(text: &str) -> Self {
        let (mut open, mut structure) = (0_usize, Self { levels: 0, blanks: 0 });
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => characters = after_string(characters.as_str()).chars(),
                '{' | '[' => {
                    open += 1;
                    structure.levels = structure.levels.max(open);
                }
                '}' | ']' => open = open.saturating_sub(1),
                ' ' | '\t' | '\n' | '\r' => structure.blanks += 1,
                _ => {}
            }
        }
        structure
    }
}

/// What follows a string, whose opening quote is left out. Most of a text is in strings, and looking for a quote is much
/// faster than looking at each character.
fn after_string(text: &str) -> &str {
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('"') {
        rest = tail;
        let is_escaped = head.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        if !is_escaped {
            break;
        }
    }
    rest
}

/// Removes the white space outside strings.
fn without_blanks(text: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_blank = !is_string && matches!(character, ' ' | '\t' | '\n' | '\r');
        if *character == '"' && !is_escaped {
            is_string = !is_string;
        }
        is_escaped = is_string && *character == '\\' && !is_escaped;
        !is_blank
    };
    text.chars().filter(is_kept).collect()
}

/// Finds a number such as `1e400`, which other programs cannot read or would read as infinite. `text` is valid JSON.
fn infinite_number(text: &str) -> Option<&str> {
    let is_delimiter = |it: char| matches!(it, '[' | ']' | '{' | '}' | ',' | ':' | '"');
    let mut rest = text;
    while let Some(start) = rest.find(|it: char| it == '"' || it == '-' || it.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(string) = rest.strip_prefix('"') {
            rest = after_string(string);
            continue;
        }
        let (number, after) = rest.split_at(rest.find(is_delimiter).unwrap_or(rest.len()));
        if number.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Some(number);
        }
        rest = after;
    }
    None
}

/// Whether an escape such as `\ud800` is an unpaired surrogate. Most parsers reject it (RFC 8259, section 8.2).
fn has_lone_surrogate(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, escape)) = rest.split_once('\\') {
        let unit = code_unit(escape);
        let length = if unit.is_some() { 5 } else { 1 };
        rest = escape.get(length..).unwrap_or_default();
        match unit {
            Some(0xD800..=0xDBFF) => match rest.strip_prefix('\\').and_then(code_unit) {
                Some(0xDC00..=0xDFFF) => rest = rest.get(6..).unwrap_or_default(),
                Some(_) | None => return true,
            },
            Some(0xDC00..=0xDFFF) => return true,
            Some(_) | None => {}
        }
    }
    false
}

/// The number of an escape, such as `u00e4`; the backslash is left out.
fn code_unit(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.strip_prefix('u')?.get(..4)?, 16).ok()
}
