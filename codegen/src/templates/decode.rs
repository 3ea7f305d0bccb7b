//! How properties are read: formats strictly, and an absent one apart from `null`.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::constraint::{ConstraintError, Quoted};

/// A type that the spec writes as text with a `format`.
pub trait Format: Sized {
    /// The form, with an example.
    const EXPECTED: &'static str;

    /// The value of a text; `None` where it has another form.
    fn read(text: &str) -> Option<Self>;

    /// The value of a text.
    ///
    /// # Errors
    ///
    /// Fails where the text has another form.
    fn parse(text: &str) -> Result<Self, ConstraintError> {
        Self::read(text).ok_or_else(|| ConstraintError::Format {
            expected: Self::EXPECTED,
            value: Quoted::shown(text),
        })
    }
}

impl Format for Uuid {
    const EXPECTED: &'static str = "a UUID such as 0190b8a5-7b1c-7c3e-9d52-0242ac120002 (RFC 9562)";

    /// The crate reads other forms too (braces, no hyphens); the format has one.
    fn read(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Self::try_parse(text).ok()).flatten()
    }
}

impl Format for NaiveDate {
    const EXPECTED: &'static str = "a date such as 2026-11-23 (RFC 3339)";

    /// The crate reads signs, spaces and single digits too; the format has four, two and two.
    fn read(text: &str) -> Option<Self> {
        let date = Self::parse_from_str(text, "%Y-%m-%d").ok()?;
        (text.len() == 10 && date.to_string() == text).then_some(date)
    }
}

impl Format for DateTime<Utc> {
    const EXPECTED: &'static str = "a time such as 2026-11-23T09:30:00Z (RFC 3339)";

    /// The crate reads a space for the `T` and other minus signs too. In UTC it has to have a year of four digits, or it
    /// could be read, but not written.
    fn read(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        let has_one_form = text.is_ascii() && !text.contains(' ');
        (has_one_form && (0..=9999).contains(&Datelike::year(&time))).then_some(time)
    }
}

/// A value with a format.
pub(super) fn formatted<'de, D: Deserializer<'de>, T: Format>(from: D) -> Result<T, D::Error> {
    T::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// A value with a format that may be `null`; serde alone would let it be absent as well.
pub(super) fn nullable_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text: Option<String> = Deserialize::deserialize(from)?;
    text.map(|text| T::parse(&text).map_err(D::Error::custom)).transpose()
}

/// A value with a format that may be absent, but is not `null`.
pub(super) fn present_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<T>, D::Error> {
    formatted(from).map(Some)
}

/// A value with a format that may be absent or `null`; the outer `None` is the absent one.
pub(super) fn present_nullable_formatted<'de, D: Deserializer<'de>, T: Format>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    nullable_formatted(from).map(Some)
}

/// A value that may be `null`; serde alone would let it be absent as well.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Deserialize::deserialize(from)
}

/// A value that may be absent; serde alone would read `null` as absent.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
