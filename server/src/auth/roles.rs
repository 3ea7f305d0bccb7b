//! What the realm's roles allow: a role or a scope that has the name of one of our scopes grants it, others by configuration.

use super::scope::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use thiserror::Error;

/// Stands for all scopes.
const ALL: &str = "*";

/// One role, and the scopes that it grants: `support=tenants:read+audit:read`, or `operator=*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrant {
    role: String,
    scopes: BTreeSet<Scope>,
}

/// Why a text grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleGrantError {
    /// It is built differently.
    #[error("not of the form role=scope+scope, or role=* for all scopes")]
    Form,
    /// There is no such scope.
    #[error("there is no scope `{unknown}`; there are {known}", known = known())]
    UnknownScope {
        /// What stands in its place.
        unknown: String,
    },
}

fn known() -> String {
    Scope::ALL.map(Scope::as_str).join(", ")
}

impl FromStr for RoleGrant {
    type Err = RoleGrantError;

    fn from_str(text: &str) -> Result<Self, RoleGrantError> {
        let (role, scopes) = text.trim().split_once('=').ok_or(RoleGrantError::Form)?;
        if role.is_empty() || scopes.is_empty() {
            return Err(RoleGrantError::Form);
        }
        let scopes = match scopes {
            ALL => Scope::ALL.into_iter().collect(),
            names => names.split('+').map(scope).collect::<Result<_, _>>()?,
        };
        let role = role.to_owned();
        Ok(Self { role, scopes })
    }
}

fn scope(name: &str) -> Result<Scope, RoleGrantError> {
    name.parse().map_err(|_| RoleGrantError::UnknownScope {
        unknown: name.to_owned(),
    })
}

/// What all roles grant.
#[derive(Clone, Debug, Default)]
pub struct RoleGrants(BTreeMap<String, BTreeSet<Scope>>);

impl FromIterator<RoleGrant> for RoleGrants {
    /// A role that is named more than once grants what each of them says.
    fn from_iter<I: IntoIterator<Item = RoleGrant>>(grants: I) -> Self {
        let mut roles = BTreeMap::<_, BTreeSet<_>>::new();
        for RoleGrant { role, scopes } in grants {
            roles.entry(role).or_default().extend(scopes);
        }
        Self(roles)
    }
}

impl RoleGrants {
    /// The scopes of a bearer: what its roles grant, and what the realm granted by name.
    pub(super) fn scopes<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a str>,
        granted: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<Scope> {
        let mut scopes: BTreeSet<_> = granted.into_iter().filter_map(|name| name.parse().ok()).collect();
        for role in roles {
            scopes.extend(role.parse::<Scope>());
            scopes.extend(self.0.get(role).into_iter().flatten());
        }
        scopes
    }
}

#[cfg(test)]
mod tests {
    use super::{RoleGrant, RoleGrantError, RoleGrants};
    use crate::auth::Scope;
    use std::collections::BTreeSet;

    fn grants(texts: &[&str]) -> RoleGrants {
        texts.iter().map(|text| text.parse::<RoleGrant>().unwrap()).collect()
    }

    #[test]
    fn roles_grant_what_is_configured_and_what_they_are_named() {
        let grants = grants(&["support=tenants:read+audit:read", "operator=*", "support=catalog:read"]);
        let scopes = |roles: &[&str], granted: &[&str]| grants.scopes(roles.to_vec(), granted.to_vec());
        let set = |scopes: &[Scope]| scopes.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(scopes(&["offline_access", "uma_authorization"], &["email"]), set(&[]));
        assert_eq!(
            scopes(&["support"], &[]),
            set(&[Scope::TenantsRead, Scope::AuditRead, Scope::CatalogRead])
        );
        assert_eq!(scopes(&["operator"], &[]), set(&Scope::ALL));
        assert_eq!(
            scopes(&["audit:write"], &["openid", "api_keys:verify"]),
            set(&[Scope::AuditWrite, Scope::ApiKeysVerify])
        );
        assert_eq!(scopes(&[], &["support", "operator"]), set(&[]), "a scope is no role");
        assert_eq!(scopes(&["Support", "audit:", "*"], &["*"]), set(&[]));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_scopes_that_there_are() {
        for text in ["", "support", "=tenants:read", "support="] {
            assert_eq!(text.parse::<RoleGrant>(), Err(RoleGrantError::Form), "{text}");
        }
        for (text, unknown) in [
            ("support=tenants:read+tenants:delete", "`tenants:delete`"),
            ("support=tenants:read+", "``"),
            ("support=tenants:read+*", "`*`"),
        ] {
            let error = text.parse::<RoleGrant>().unwrap_err().to_string();
            assert!(
                error.contains(unknown) && error.contains("tenants:read, tenants:write"),
                "{error}"
            );
        }
    }
}
