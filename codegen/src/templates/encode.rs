//! How times are written: as a whole. The crate's own way hands them on in pairs of digits.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// A time as text.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A time.
pub(super) fn date_time<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*time))
}

/// A time that may be absent, or `null`.
pub(super) fn optional_date_time<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    Serialize::serialize(&time.map(rfc3339), to)
}

/// A time that may be absent or `null`; the outer `None` is the absent one.
pub(super) fn optional_nullable_date_time<S: Serializer>(
    time: &Option<Option<DateTime<Utc>>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    Serialize::serialize(&time.map(|time| time.map(rfc3339)), to)
}
