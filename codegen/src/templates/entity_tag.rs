use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use crate::http::{Coding, digest, entity_tag};
use serde::{Serialize, Serializer};

/// A value that is returned with an entity tag (RFC 9110, section 8.8.3).
pub trait Tagged: Serialize {
    /// The digest that the entity tag of this value contains.
    ///
    /// # Errors
    ///
    /// Returns the errors of the serializer.
    fn digest(&self) -> serde_json::Result<String> {
        digest_of(self)
    }
}

/// A digest of the JSON of a value.
fn digest_of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    Ok(digest(&serde_json::to_vec(value)?))
}

/// The precondition `If-Match` (RFC 9110, section 13.1.1): a change applies only to a record that has one of these entity
/// tags. Check it in the transaction of the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch<T> {
    tags: EntityTags,
    record: PhantomData<T>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum EntityTags {
    /// `*`: those of any record.
    Any,
    /// With their quotes. Weak ones begin with `W/`.
    Listed(Vec<String>),
}

impl<T: Tagged> IfMatch<T> {
    /// Whether the record has one of the entity tags. Tags are compared strongly, so a weak tag matches nothing. The record
    /// has a separate tag for each content coding, and all of them match.
    pub fn matches(&self, record: &T) -> bool {
        let EntityTags::Listed(tags) = &self.tags else {
            return true;
        };
        // A record that cannot be serialized has no entity tag.
        record.digest().is_ok_and(|digest| {
            [Coding::Identity, Coding::Gzip].into_iter().any(|coding| {
                entity_tag(&digest, coding).is_ok_and(|own| tags.iter().any(|tag| own.as_bytes() == tag.as_bytes()))
            })
        })
    }
}

/// The header is neither `*` nor a list of entity tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `*` or the `ETag` of an earlier response, with its quotes; separate several with commas")]
pub struct InvalidIfMatch;

impl<T> FromStr for IfMatch<T> {
    type Err = InvalidIfMatch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tags = match text.trim_ascii() {
            "*" => EntityTags::Any,
            list => EntityTags::Listed(listed(list).filter(|tags| !tags.is_empty()).ok_or(InvalidIfMatch)?),
        };
        Ok(Self { tags, record: PhantomData })
    }
}

/// The entity tags of a list, which may have empty items (RFC 9110, section 5.6.1.2).
fn listed(list: &str) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_start_matches([',', ' ', '\t']);
    while !rest.is_empty() {
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (opaque, after) = quoted.split_once('"')?;
        // RFC 9110, section 8.8.3: `"` and control characters cannot be in a tag, nor can white space.
        if !opaque.chars().all(|it| matches!(it, '!'..='~' | '\u{80}'..)) {
            return None;
        }
        let (tag, after) = rest.split_at(rest.len() - after.len());
        tags.push(tag.to_owned());
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    Some(tags)
}

/// As the header has it.
impl<T> fmt::Display for IfMatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tags {
            EntityTags::Any => f.write_str("*"),
            EntityTags::Listed(tags) => f.write_str(&tags.join(",")),
        }
    }
}

impl<T> Serialize for IfMatch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
