//! The scopes that a token's roles grant: a role with the name of a scope grants that scope, and settings map other roles.

use crate::name::{Name, NameError};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use tenant_registry_contract::server::{Scope, Scopes};
use thiserror::Error;

/// The name for all scopes in the setting.
const ALL: &str = "*";

/// A role and the scopes that it grants: `support=tenants:read+audit:read`, or `operator=*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrant {
    role: Name,
    scopes: BTreeSet<Scope>,
}

/// Why a text is not a role grant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleGrantError {
    /// The text does not have the form of a role grant.
    #[error("must have the form role=scope+scope, or role=* for all scopes")]
    Form,
    /// The role is not a name.
    #[error("the role {0}")]
    Role(#[from] NameError),
    /// The scope does not exist.
    #[error("unknown scope `{unknown}`; the scopes are {all}", all = all_scopes())]
    UnknownScope {
        /// The unknown name.
        unknown: String,
    },
}

fn all_scopes() -> String {
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
        Ok(Self {
            role: role.parse()?,
            scopes,
        })
    }
}

fn scope(name: &str) -> Result<Scope, RoleGrantError> {
    name.parse().map_err(|_| RoleGrantError::UnknownScope {
        unknown: name.to_owned(),
    })
}

/// The scopes that each configured role grants.
#[derive(Clone, Debug, Default)]
pub struct RoleGrants(BTreeMap<Name, BTreeSet<Scope>>);

impl FromIterator<RoleGrant> for RoleGrants {
    /// Merges the grants of a role that is named more than once.
    fn from_iter<I: IntoIterator<Item = RoleGrant>>(grants: I) -> Self {
        let mut roles = BTreeMap::<_, BTreeSet<_>>::new();
        for RoleGrant { role, scopes } in grants {
            roles.entry(role).or_default().extend(scopes);
        }
        Self(roles)
    }
}

impl RoleGrants {
    /// Returns the scopes of a token: those that its roles grant, and those that its `scope` claim names.
    pub(super) fn scopes<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a str>,
        granted: impl IntoIterator<Item = &'a str>,
    ) -> Scopes {
        let mut scopes: BTreeSet<Scope> = granted.into_iter().flat_map(str::parse).collect();
        for role in roles {
            scopes.extend(role.parse::<Scope>());
            scopes.extend(self.0.get(role).into_iter().flatten());
        }
        scopes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{RoleGrant, RoleGrantError, RoleGrants};
    use crate::name::NameError;
    use tenant_registry_contract::server::{Scope, Scopes};

    fn grants(texts: &[&str]) -> RoleGrants {
        texts.iter().map(|text| text.parse::<RoleGrant>().unwrap()).collect()
    }

    #[test]
    fn roles_grant_configured_scopes_and_scopes_of_the_same_name() {
        let grants = grants(&["support=tenants:read+audit:read", "operator=*", "support=catalog:read"]);
        let scopes = |roles: &[&str], granted: &[&str]| grants.scopes(roles.to_vec(), granted.to_vec());
        let set = |scopes: &[Scope]| scopes.iter().copied().collect::<Scopes>();
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
        assert_eq!(scopes(&[], &["support", "operator"]), set(&[]), "a scope is not a role");
        assert_eq!(scopes(&["Support", "audit:", "*"], &["*"]), set(&[]));
    }

    #[test]
    fn an_error_names_the_unknown_scope_and_lists_all_scopes() {
        for text in ["", "support", "=tenants:read", "support="] {
            assert_eq!(text.parse::<RoleGrant>(), Err(RoleGrantError::Form), "{text}");
        }
        for text in ["\"support=tenants:read", "'support'=tenants:read"] {
            let error = text.parse::<RoleGrant>();
            assert_eq!(error, Err(RoleGrantError::Role(NameError::Quoted)), "{text}");
        }
        let padded = "support =tenants:read".parse::<RoleGrant>();
        assert_eq!(padded, Err(RoleGrantError::Role(NameError::Padded)));
        for (text, unknown) in [
            ("support=tenants:read+tenants:own", "`tenants:own`"),
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
