//! Serializes times as one string, which is faster than `chrono`'s implementation.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// Formats a time according to RFC 3339.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Serializes a time.
pub(super) fn date_time<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*time))
}

/// Serializes a time that may be either absent or `null`.
pub(super) fn optional_date_time<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    Serialize::serialize(&time.map(rfc3339), to)
}

/// Serializes a time that may be absent or `null`. The outer `None` means absent.
pub(super) fn optional_nullable_date_time<S: Serializer>(
    time: &Option<Option<DateTime<Utc>>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    Serialize::serialize(&time.map(|time| time.map(rfc3339)), to)
}
