//! What a token says, after its signature was found to be good: whether it counts here and now, and who bears it.

use super::{BearerKind, Refusal, TokenRules, Verified};
use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use tenant_registry_contract::types::Text;

/// Most characters of a subject (OpenID Connect Core 1.0, section 2), and of a name.
const NAME_CHARACTERS: usize = 255;

/// The end of the year 9999, in seconds since 1970; what is later is no time that anybody meant.
const LAST_SECOND: i64 = 253_402_300_799;

/// What Keycloak writes into the claim `typ` of access tokens. It has others for ID, refresh and logout tokens.
const ACCESS_TOKEN: &str = "Bearer";

/// Claims of ID tokens alone: digests of what they were handed out with (OpenID Connect Core 1.0, section 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

/// What Keycloak puts before the name of a client that acts for itself.
const SERVICE_ACCOUNT: &str = "service-account-";

/// The claims, each of which is there once: of two, somebody else might read the other.
pub(super) struct Claims(HashMap<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Claims;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
                let mut claims = HashMap::new();
                while let Some((name, value)) = members.next_entry()? {
                    if claims.insert(name, value).is_some() {
                        return Err(Error::custom("a claim is there twice"));
                    }
                }
                Ok(Claims(claims))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Claims {
    /// Who bears the token, and from when on nobody does. Issuer and audience are the library's to check.
    pub(super) fn verified(&self, rules: &TokenRules, now: DateTime<Utc>) -> Result<(Verified, i64), Refusal> {
        self.check_kind()?;
        let ends = self.check_times(rules, now.timestamp())?;
        // The library takes a list with the issuer in it as well.
        self.text("iss")?.ok_or(Refusal::Missing("iss"))?;
        let subject = self.text("sub")?.ok_or(Refusal::Missing("sub"))?;
        let subject = storable(subject).ok_or(Refusal::Claim("sub"))?;
        let client = match self.text("client_id")? {
            Some(client) => Some(client),
            None => self.text("azp")?,
        };
        let user = self.text("preferred_username")?;
        let is_service = client.is_some_and(|client| {
            let is_own = |user: &str| {
                let own = user.strip_prefix(SERVICE_ACCOUNT);
                own.is_some_and(|own| own.eq_ignore_ascii_case(client))
            };
            client == subject.as_str() || user.is_some_and(is_own)
        });
        let (kind, name) = if is_service {
            (BearerKind::ServiceAccount, client)
        } else {
            (BearerKind::User, user)
        };
        let verified = Verified {
            subject,
            // Nobody is kept out for a name.
            name: name.and_then(storable),
            kind,
            tenant: match self.0.get(&rules.tenant_claim) {
                None => None,
                Some(Value::String(id)) => Some(id.parse().map_err(|_| Refusal::Tenant)?),
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    return Err(Refusal::Tenant);
                }
            },
            scopes: rules.roles.scopes(
                self.roles(&rules.audience)?,
                self.text("scope")?.unwrap_or_default().split(' '),
            ),
        };
        Ok((verified, ends))
    }

    fn check_kind(&self) -> Result<(), Refusal> {
        let is_access_token = match self.0.get("typ") {
            // Realms that say it in the header.
            None => true,
            Some(kind) => kind == ACCESS_TOKEN,
        };
        if !is_access_token || ID_TOKEN_CLAIMS.iter().any(|claim| self.0.contains_key(*claim)) {
            return Err(Refusal::OtherToken);
        }
        Ok(())
    }

    /// Returns the second from which on the token is worth nothing.
    fn check_times(&self, rules: &TokenRules, now: i64) -> Result<i64, Refusal> {
        let ends = self.time("exp")?.ok_or(Refusal::Missing("exp"))? + rules.leeway();
        if now >= ends {
            return Err(Refusal::Expired);
        }
        for claim in ["nbf", "iat"] {
            if self.time(claim)?.is_some_and(|begins| begins - rules.leeway() > now) {
                return Err(Refusal::Early(claim));
            }
        }
        Ok(ends)
    }

    /// Whole seconds since 1970 (RFC 7519, NumericDate); fractions are cut off.
    fn time(&self, claim: &'static str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.0.get(claim) else {
            return Ok(None);
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is cut off is out of the range below"
        )]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        seconds
            .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
            .map(Some)
            .ok_or(Refusal::Claim(claim))
    }

    fn text(&self, claim: &'static str) -> Result<Option<&str>, Refusal> {
        self.0
            .get(claim)
            .map(|value| value.as_str().ok_or(Refusal::Claim(claim)))
            .transpose()
    }

    /// The roles of the realm, and those that it has for this service.
    fn roles(&self, audience: &str) -> Result<impl Iterator<Item = &str>, Refusal> {
        let (realm, resource) = ("realm_access", "resource_access");
        let of_service = match self.0.get(resource) {
            None => None,
            Some(Value::Object(services)) => services.get(audience),
            Some(_) => return Err(Refusal::Claim(resource)),
        };
        let realm_roles = roles(self.0.get(realm), realm)?;
        Ok(realm_roles.chain(roles(of_service, resource)?))
    }
}

/// `{"roles": ["…"]}`
fn roles<'a>(access: Option<&'a Value>, claim: &'static str) -> Result<impl Iterator<Item = &'a str>, Refusal> {
    let roles = match access {
        None => &[],
        Some(access) => match access.get("roles") {
            None if access.is_object() => &[],
            Some(Value::Array(roles)) if roles.iter().all(Value::is_string) => roles.as_slice(),
            None | Some(_) => return Err(Refusal::Claim(claim)),
        },
    };
    Ok(roles.iter().filter_map(Value::as_str))
}

/// What can be written into the audit log.
fn storable(text: &str) -> Option<Text> {
    let is_bounded = !text.is_empty() && text.chars().count() <= NAME_CHARACTERS;
    is_bounded.then(|| Text::try_from(text).ok()).flatten()
}
