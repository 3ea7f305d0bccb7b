//! Reads and checks the claims of a token whose signature is valid.

use super::{BearerKind, InvalidToken, TokenRules, VerifiedToken};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use tenant_registry_contract::types::{ActorId, TenantId, Timestamp};

/// The maximum length of a subject (OpenID Connect Core 1.0, section 2) and of a name.
const NAME_CHARACTERS: usize = 255;

/// The end of the year 9999, in seconds since 1970. A later time is an error in the token.
const LAST_SECOND: i64 = 253_402_300_799;

/// The value of Keycloak's claim `typ` in access tokens. ID, refresh and logout tokens have other values.
const ACCESS_TOKEN: &str = "Bearer";

/// Claims that only ID tokens have (OpenID Connect Core 1.0, section 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

/// Keycloak's prefix for the user name of a client that acts on its own behalf.
const SERVICE_ACCOUNT: &str = "service-account-";

/// The claims. Duplicate members, also of nested objects, are rejected, because another reader of the token might use the
/// other value.
pub(super) struct Claims(Map<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueMembers).map(Self)
    }
}

/// A JSON value without duplicate members.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueValue).map(Self)
    }
}

struct UniqueMembers;

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut unique = Map::new();
        while let Some((name, Unique(value))) = members.next_entry()? {
            if unique.insert(name, value).is_some() {
                return Err(Error::custom("a member appears twice"));
            }
        }
        Ok(unique)
    }
}

struct UniqueValue;

impl<'de> Visitor<'de> for UniqueValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        UniqueMembers.visit_map(members).map(Value::Object)
    }
}

impl Claims {
    /// Checks the claims. Returns what they say about the caller, and the second at which the token expires. The library
    /// has already checked the issuer and the audience.
    pub(super) fn verify(&self, rules: &TokenRules, now: Timestamp) -> Result<(VerifiedToken, i64), InvalidToken> {
        self.check_kind()?;
        let expires_at = self.check_times(rules, now.get().timestamp())?;
        // The library also accepts a list that contains the issuer.
        self.text("iss")?.ok_or(InvalidToken::MissingClaim("iss"))?;
        let subject = self.text("sub")?.ok_or(InvalidToken::MissingClaim("sub"))?;
        let subject: ActorId = storable(subject).ok_or(InvalidToken::InvalidClaim("sub"))?;
        let user = self.label("preferred_username");
        let (kind, name) = match self.service_account(subject.as_str(), user) {
            Some(client) => (BearerKind::ServiceAccount, Some(client)),
            None => (BearerKind::User, user),
        };
        let roles: Vec<&str> = self.roles(rules.audience.as_str())?.collect();
        let verified = VerifiedToken {
            subject,
            // An unusable name is no reason to reject the token.
            name: name.and_then(storable),
            kind,
            tenant: self.tenant(rules, &roles)?,
            scopes: rules.roles.scopes(roles, self.granted_scopes()?.split(' ')),
        };
        Ok((verified, expires_at))
    }

    /// Returns the client, if it acts on its own behalf. Only `client_id` names it: `azp` is also in the tokens of its
    /// users, who may choose their user name. Its subject is then the client (RFC 9068, section 2.2) or, at Keycloak,
    /// which writes `client_id` into the tokens of service accounts only, their user.
    fn service_account(&self, subject: &str, user: Option<&str>) -> Option<&str> {
        let is_keycloak = self.0.get("typ").is_some_and(|kind| kind == ACCESS_TOKEN);
        self.label("client_id").filter(|client| {
            let is_own = |user: &str| {
                let own = user.strip_prefix(SERVICE_ACCOUNT);
                own.is_some_and(|own| own.eq_ignore_ascii_case(client))
            };
            *client == subject || (is_keycloak && user.is_some_and(is_own))
        })
    }

    /// The only tenant that the caller may see; none means all tenants.
    fn tenant(&self, rules: &TokenRules, roles: &[&str]) -> Result<Option<TenantId>, InvalidToken> {
        match rules.tenant_claim.find(&self.0)? {
            Some(Value::String(id)) => id.parse().map(Some).map_err(|_| InvalidToken::InvalidTenant),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(InvalidToken::InvalidTenant)
            }
            None => match &rules.all_tenants_role {
                Some(role) if !roles.contains(&role.as_str()) => Err(InvalidToken::NoTenant),
                Some(_) | None => Ok(None),
            },
        }
    }

    fn check_kind(&self) -> Result<(), InvalidToken> {
        let is_access_token = match self.0.get("typ") {
            // Some issuers put it into the header only.
            None => true,
            Some(kind) => kind == ACCESS_TOKEN,
        };
        // Only a caller that proves to have the key may use such a token (RFC 7800), and this service cannot check that.
        if self.0.contains_key("cnf") {
            return Err(InvalidToken::Bound);
        }
        if !is_access_token || ID_TOKEN_CLAIMS.iter().any(|claim| self.0.contains_key(*claim)) {
            return Err(InvalidToken::NotAnAccessToken);
        }
        Ok(())
    }

    /// Returns the second at which the token expires, leeway included.
    fn check_times(&self, rules: &TokenRules, now: i64) -> Result<i64, InvalidToken> {
        let expires_at = self.time("exp")?.ok_or(InvalidToken::MissingClaim("exp"))? + rules.leeway();
        if now >= expires_at {
            return Err(InvalidToken::Expired);
        }
        for claim in ["nbf", "iat"] {
            if self.time(claim)?.is_some_and(|start| start - rules.leeway() > now) {
                return Err(InvalidToken::NotYetValid(claim));
            }
        }
        Ok(expires_at)
    }

    /// A time in whole seconds since 1970 (RFC 7519, NumericDate). Fractions are truncated.
    fn time(&self, claim: &'static str) -> Result<Option<i64>, InvalidToken> {
        let Some(value) = self.0.get(claim) else {
            return Ok(None);
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a truncated value is outside the range that is checked below"
        )]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        seconds
            .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
            .map(Some)
            .ok_or(InvalidToken::InvalidClaim(claim))
    }

    fn text(&self, claim: &'static str) -> Result<Option<&str>, InvalidToken> {
        self.0
            .get(claim)
            .map(|value| value.as_str().ok_or(InvalidToken::InvalidClaim(claim)))
            .transpose()
    }

    /// A claim that grants something. Some issuers write null where there is nothing to grant.
    fn grant(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim).filter(|value| !value.is_null())
    }

    /// A claim that only labels the caller. `sub` identifies the caller, so a value of another type counts as absent.
    fn label(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }

    /// The names of scopes, separated by spaces (RFC 6749, section 3.3).
    fn granted_scopes(&self) -> Result<&str, InvalidToken> {
        match self.grant("scope") {
            None => Ok(""),
            Some(scopes) => scopes.as_str().ok_or(InvalidToken::InvalidClaim("scope")),
        }
    }

    /// The global roles (Keycloak's realm roles), and the roles for this service.
    fn roles(&self, audience: &str) -> Result<impl Iterator<Item = &str>, InvalidToken> {
        let (realm, resource) = ("realm_access", "resource_access");
        let for_service = match self.grant(resource) {
            None => None,
            Some(Value::Object(services)) => services.get(audience),
            Some(_) => return Err(InvalidToken::InvalidClaim(resource)),
        };
        let realm_roles = roles(self.grant(realm), realm)?;
        Ok(realm_roles.chain(roles(for_service, resource)?))
    }
}

/// Reads `{"roles": ["…"]}`.
fn roles<'a>(access: Option<&'a Value>, claim: &'static str) -> Result<impl Iterator<Item = &'a str>, InvalidToken> {
    let roles = match access {
        None => &[],
        Some(access) => match access.get("roles") {
            None if access.is_object() => &[],
            Some(Value::Array(roles)) if roles.iter().all(Value::is_string) => roles.as_slice(),
            None | Some(_) => return Err(InvalidToken::InvalidClaim(claim)),
        },
    };
    Ok(roles.iter().filter_map(Value::as_str))
}

/// Converts a text to a type of the audit log, if it is short enough and allowed there.
fn storable<'a, T: TryFrom<&'a str>>(text: &'a str) -> Option<T> {
    let is_bounded = !text.is_empty() && text.chars().count() <= NAME_CHARACTERS;
    is_bounded.then(|| text.try_into().ok()).flatten()
}
