//! The claim with the caller's tenant, which can be a member of another claim.

use super::InvalidToken;
use crate::name::{Name, NameError};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Separates the names of nested members, as in Keycloak's *Token Claim Name*.
const SEPARATOR: char = '.';

/// The name of a claim. A dot can be a part of the name, as in `https://example.com/tenant_id`, or lead to a member of an
/// object: `org.tenant_id` finds the claim `{"org": {"tenant_id": "…"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Name);

/// Why a text is not accepted as the name of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClaimPathError {
    /// The text is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two dots follow each other, or a dot is at an end.
    #[error("must have a name before and after each dot")]
    EmptyPart,
}

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, ClaimPathError> {
        let name: Name = text.parse()?;
        if text.split(SEPARATOR).any(str::is_empty) {
            return Err(ClaimPathError::EmptyPart);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ClaimPath {
    /// Finds the claim, under its literal name or in nested objects.
    ///
    /// # Errors
    /// Fails if a token has the claim in both forms, or if a claim on the way is not an object. A token that says something
    /// about the tenant, but not clearly, must not count as one that says nothing.
    pub(super) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Result<Option<&'a Value>, InvalidToken> {
        let path = self.0.as_str();
        let literal = claims.get(path);
        let Some((parents, last)) = path.rsplit_once(SEPARATOR) else {
            return Ok(literal);
        };
        let mut object = claims;
        for parent in parents.split(SEPARATOR) {
            object = match object.get(parent) {
                None => return Ok(literal),
                Some(Value::Object(members)) => members,
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                    return Err(InvalidToken::InvalidTenant);
                }
            };
        }
        match (literal, object.get(last)) {
            (Some(_), Some(_)) => Err(InvalidToken::InvalidTenant),
            (found, None) | (None, found) => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimPath, ClaimPathError};
    use crate::auth::InvalidToken;
    use crate::name::NameError;
    use serde_json::{Value, json};

    #[test]
    fn a_claim_has_a_name_in_every_part() {
        for good in ["tenant_id", "org.tenant_id", "a.b.c", "https://example.com/tenant_id"] {
            assert_eq!(good.parse::<ClaimPath>().unwrap().to_string(), good);
        }
        for (bad, error) in [
            ("", ClaimPathError::Name(NameError::Empty)),
            ("'tenant_id'", ClaimPathError::Name(NameError::Quoted)),
            (".", ClaimPathError::EmptyPart),
            ("org.", ClaimPathError::EmptyPart),
            (".tenant_id", ClaimPathError::EmptyPart),
            ("org..tenant_id", ClaimPathError::EmptyPart),
        ] {
            assert_eq!(bad.parse::<ClaimPath>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_claim_is_found_by_its_literal_name_or_in_nested_objects() {
        let find = |path: &str, claims: Value| {
            let path: ClaimPath = path.parse().unwrap();
            path.find(claims.as_object().unwrap())
                .map(|found| found.and_then(Value::as_str).map(str::to_owned))
        };
        let found = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(find("tenant_id", json!({ "tenant_id": "a" })), found("a"));
        assert_eq!(find("tenant_id", json!({ "org": { "tenant_id": "a" } })), Ok(None));
        assert_eq!(
            find("org.tenant_id", json!({ "org": { "tenant_id": "a" } })),
            found("a")
        );
        assert_eq!(find("a.b.c", json!({ "a": { "b": { "c": "d" } } })), found("d"));
        assert_eq!(find("org.tenant_id", json!({ "org.tenant_id": "a" })), found("a"));
        assert_eq!(
            find("https://x.example/t", json!({ "https://x.example/t": "a" })),
            found("a")
        );
        for absent in [json!({}), json!({ "org": {} }), json!({ "tenant_id": "a" })] {
            assert_eq!(find("org.tenant_id", absent.clone()), Ok(None), "{absent}");
        }
        assert_eq!(
            find(
                "org.tenant_id",
                json!({ "org": { "other": "b" }, "org.tenant_id": "a" })
            ),
            found("a")
        );
        for unclear in [
            json!({ "org": null }),
            json!({ "org": "a" }),
            json!({ "org": [{ "tenant_id": "a" }] }),
            json!({ "org": "x", "org.tenant_id": "a" }),
            json!({ "org": { "tenant_id": "a" }, "org.tenant_id": "a" }),
        ] {
            let found = find("org.tenant_id", unclear.clone());
            assert_eq!(found, Err(InvalidToken::InvalidTenant), "{unclear}");
        }
    }
}
