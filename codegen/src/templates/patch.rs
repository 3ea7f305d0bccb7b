use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A nullable member of a JSON Merge Patch (RFC 7396).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Patch<T> {
    /// The member is absent: the value stays as it is.
    #[default]
    Unchanged,
    /// The member is `null`: the value is removed.
    Clear,
    /// The member has a value, which replaces the stored one.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the member is absent.
    pub fn is_unchanged(&self) -> bool {
        matches!(self, Self::Unchanged)
    }

    /// Returns the value after the change.
    pub fn apply(self, stored: Option<T>) -> Option<T> {
        match self {
            Self::Unchanged => stored,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Converts a value that is set.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Unchanged => Patch::Unchanged,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }
}

/// An absent member is not serialized, because the field says `skip_serializing_if`.
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unchanged | Self::Clear => to.serialize_none(),
            Self::Set(value) => value.serialize(to),
        }
    }
}

/// An absent member is not deserialized, because the field has a default.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value: Option<T> = Deserialize::deserialize(from)?;
        Ok(value.map_or(Self::Clear, Self::Set))
    }
}
