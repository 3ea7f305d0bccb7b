//! Deserializes properties. Parses formats strictly, and distinguishes an absent property from `null`.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{JsonObject, Patch};
use super::constraint::{ConstraintError, Quoted};
use super::time::{Date, Timestamp};

/// A type that the spec represents as a string with a `format`.
pub trait Format: Sized {
    /// The expected format, with an example.
    const EXPECTED: &'static str;

    /// Parses a value. Returns `None` if the text does not have the format.
    fn read(text: &str) -> Option<Self>;

    /// Parses a value.
    ///
    /// # Errors
    ///
    /// Returns an error if the text does not have the format.
    fn parse(text: &str) -> Result<Self, ConstraintError> {
        Self::read(text).ok_or_else(|| ConstraintError::Format {
            expected: Self::EXPECTED,
            value: Quoted::shown(text),
        })
    }
}

impl Format for Uuid {
    const EXPECTED: &'static str = "a UUID such as 0190b8a5-7b1c-7c3e-9d52-0242ac120002 (RFC 9562)";

    /// The length rules out other forms that `uuid` parses, such as those with braces or without hyphens.
    fn read(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Self::try_parse(text).ok()).flatten()
    }
}

impl Format for Date {
    const EXPECTED: &'static str = "a date such as 2026-11-23 (RFC 3339) in the years 0001 to 9999";

    /// `chrono` also parses signs, spaces and single digits, which RFC 3339 does not allow.
    fn read(text: &str) -> Option<Self> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let is_strict = text.len() == 10 && date.to_string() == text;
        is_strict.then(|| Self::try_from(date).ok()).flatten()
    }
}

impl Format for Timestamp {
    const EXPECTED: &'static str = "a time such as 2026-11-23T09:30:00Z (RFC 3339) in the years 0001 to 9999";

    /// `chrono` also parses a space instead of `T`, and other minus signs.
    fn read(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        let is_strict = text.is_ascii() && !text.contains(' ');
        is_strict.then(|| Self::try_from(time).ok()).flatten()
    }
}

/// Deserializes a value with a format.
pub(super) fn formatted<'de, D: Deserializer<'de>, T: Format>(from: D) -> Result<T, D::Error> {
    T::parse(&<String as Deserialize>::deserialize(from)?).map_err(D::Error::custom)
}

/// Deserializes a required value with a format that may be `null`.
pub(super) fn nullable_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text: Option<String> = Deserialize::deserialize(from)?;
    text.map(|text| T::parse(&text).map_err(D::Error::custom)).transpose()
}

/// Deserializes an optional value with a format that must not be `null`.
pub(super) fn present_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<T>, D::Error> {
    formatted(from).map(Some)
}

/// Deserializes an optional value with a format that may be `null`. The outer `None` means absent.
pub(super) fn present_nullable_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    nullable_formatted(from).map(Some)
}

/// Deserializes a member of a merge patch with a format.
pub(super) fn patched_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Patch<T>, D::Error> {
    nullable_formatted(from).map(|value| value.map_or(Patch::Clear, Patch::Set))
}

/// Deserializes an object. By default, serde would also read it from a list of its values.
pub(super) fn from_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    let Object(value) = Deserialize::deserialize(from)?;
    Ok(value)
}

/// Deserializes a required object that may be `null`.
pub(super) fn nullable_from_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let value: Option<Object<T>> = Deserialize::deserialize(from)?;
    Ok(value.map(|Object(value)| value))
}

/// Deserializes an optional object that must not be `null`.
pub(super) fn present_from_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    from_object(from).map(Some)
}

/// Deserializes an optional object that may be `null`. The outer `None` means absent.
pub(super) fn present_nullable_from_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    nullable_from_object(from).map(Some)
}

/// Deserializes a list of `MIN` to `MAX` objects.
pub(super) fn from_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let values = list::<D, Object<T>, MIN, MAX>(from)?;
    Ok(values.into_iter().map(|Object(value)| value).collect())
}

/// Deserializes an optional list of `MIN` to `MAX` objects that must not be `null`.
pub(super) fn present_from_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Option<Vec<T>>, D::Error> {
    from_objects::<D, T, MIN, MAX>(from).map(Some)
}

/// A value that is an object in JSON.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(from)).map(Object)
    }
}

/// Deserializes a required value that may be `null`. By default, serde would also allow it to be absent.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Deserialize::deserialize(from)
}

/// Deserializes an optional value that must not be `null`. By default, serde would treat `null` as absent.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Deserializes a list of `MIN` to `MAX` items. It stops at the first item beyond, so that a long list takes no memory.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let items = from.deserialize_seq(Items::<T, MAX>(PhantomData))?;
    if items.len() < MIN {
        return Err(D::Error::custom(ConstraintError::TooFewItems { minimum: MIN, actual: items.len() }));
    }
    Ok(items)
}

/// Deserializes an optional list of `MIN` to `MAX` items that must not be `null`.
pub(super) fn present_list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list::<D, T, MIN, MAX>(from).map(Some)
}

/// Reads at most `MAX` items.
struct Items<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            if items.len() == MAX {
                return Err(A::Error::custom(ConstraintError::TooManyItems { maximum: MAX }));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// Deserializes a JSON object of at most `MAX_BYTES` and `MAX_LEVELS`.
pub(super) fn json<'de, D: Deserializer<'de>, const MAX_BYTES: usize, const MAX_LEVELS: usize>(
    from: D,
) -> Result<JsonObject, D::Error> {
    let value = JsonObject::deserialize(from)?;
    value.check(MAX_BYTES, MAX_LEVELS).map_err(D::Error::custom)?;
    Ok(value)
}

/// Deserializes an optional JSON object of at most `MAX_BYTES` and `MAX_LEVELS` that must not be `null`.
pub(super) fn present_json<'de, D: Deserializer<'de>, const MAX_BYTES: usize, const MAX_LEVELS: usize>(
    from: D,
) -> Result<Option<JsonObject>, D::Error> {
    json::<D, MAX_BYTES, MAX_LEVELS>(from).map(Some)
}
