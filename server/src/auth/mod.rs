//! Authentication: bearer tokens (RFC 6750) of an OpenID Connect provider, such as a Keycloak realm.
//!
//! A token is a JWT that the issuer signed. `token` checks its signature with the keys that the issuer publishes (`keys`).
//! `fetch` and `refresh` keep those keys up to date in the background, so that no request waits for the issuer, except one
//! whose token names an unknown key. `claims` reads the claims of a valid token, and `roles` turns them into scopes.
//! Tokens are never logged, stored or quoted. A keyed digest of a valid token is cached.
//!
//! The checks follow RFC 8725 (JWT best current practices) and RFC 9068 (JWT access tokens).

mod access;
mod claim_path;
mod claims;
mod fetch;
mod invalid_token;
mod issuer;
mod issuer_url;
mod keys;
mod refresh;
mod roles;
mod token;

#[cfg(test)]
mod hostile_tokens;

use crate::name::Name;
use std::time::Duration;
use tenant_registry_contract::server::Scopes;
use tenant_registry_contract::types::{ActorId, TenantId, Text};

pub use access::{Access, AccessSettings};
pub use claim_path::{ClaimPath, ClaimPathError};
pub use invalid_token::InvalidToken;
pub use issuer::{Issuer, IssuerError, IssuerSettings, TokenError};
pub use issuer_url::{IssuerUrl, IssuerUrlError};
pub use keys::{KeySet, KeySetError, LeftOutKey, UnusableKey};
pub use refresh::RefreshSettings;
pub use roles::{RoleGrant, RoleGrantError, RoleGrants};
pub use token::{TokenType, Verifier};

/// The rules that a token must satisfy, and how its claims are read.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// The issuer that must have signed it (`iss`).
    pub issuer: IssuerUrl,
    /// The audience that it must name (`aud`).
    pub audience: Name,
    /// The tolerated difference between the issuer's clock and ours, in whole seconds.
    pub leeway: Duration,
    /// The claim with the id of the only tenant that the caller may see.
    pub tenant_claim: ClaimPath,
    /// The role that a token without this claim must have. Without a role, such a token is valid for all tenants.
    pub all_tenants_role: Option<Name>,
    /// The types that its header may have.
    pub token_type: TokenType,
    /// The scopes that each role grants.
    pub roles: RoleGrants,
}

impl TokenRules {
    fn leeway(&self) -> i64 {
        self.leeway.as_secs().cast_signed()
    }
}

/// What a valid token says about the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The issuer's permanent and unique id of the caller (`sub`).
    pub subject: ActorId,
    /// A name for people: the user's, or the client's if it acts on its own behalf.
    pub name: Option<Text>,
    /// Whether the caller is a person or a program.
    pub kind: BearerKind,
    /// The only tenant that the caller may see; none means all tenants.
    pub tenant: Option<TenantId>,
    /// The scopes that the token grants.
    pub scopes: Scopes,
}

/// Whether the bearer of a token is a person or a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerKind {
    /// A person.
    User,
    /// A program that acts on its own behalf.
    ServiceAccount,
}
