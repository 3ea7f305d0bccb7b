//! The names that other systems gave to claims, audiences, roles and the like.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Quotation marks. Files of variables that no shell reads, such as Docker's, make them a part of the value.
const QUOTES: [char; 9] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '´'];

/// A name that is only compared with others, so nothing would report a mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not accepted as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text begins or ends with white space.
    #[error("must not begin or end with white space")]
    Padded,
    /// The text begins or ends with a quotation mark.
    #[error("must not be quoted; remove the quotation marks")]
    Quoted,
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.trim() != text {
            return Err(NameError::Padded);
        }
        if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
            return Err(NameError::Quoted);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, NameError};

    #[test]
    fn a_name_has_neither_quotes_nor_white_space_around_it() {
        for good in [
            "tenant_id",
            "https://example.com/tenant",
            "Tenant Admin",
            "l'équipe",
            "a",
        ] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for (bad, error) in [
            ("", NameError::Empty),
            (" tenant_id", NameError::Padded),
            ("tenant_id\n", NameError::Padded),
            ("tenant_id\u{a0}", NameError::Padded),
            ("\"tenant_id\"", NameError::Quoted),
            ("'tenant_id'", NameError::Quoted),
            ("tenant_id\"", NameError::Quoted),
            ("“tenant_id”", NameError::Quoted),
        ] {
            assert_eq!(bad.parse::<Name>(), Err(error), "{bad:?}");
        }
    }
}
