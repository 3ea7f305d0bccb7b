//! Who calls: bearer tokens (RFC 6750) of an OpenID Connect realm, Keycloak's above all.
//!
//! A token is a JWT that the realm signed. Its signature is checked here (`token`), with keys that the realm publishes
//! (`keys`) and that are fetched again and again (`refresh`, `fetch`); so no request waits for the realm, but for one with a
//! key that nobody has seen. What a good token says (`claims`) becomes scopes (`roles`). A token is never logged, kept or
//! quoted; of one that was good it is remembered that it was.
//!
//! By what it is refused: RFC 8725 (JWT Best Current Practices), RFC 9068 (JWT access tokens).

mod access;
mod claims;
mod fetch;
mod issuer;
mod keys;
mod refresh;
mod roles;
mod token;

#[cfg(test)]
mod hostile_tokens;

use crate::domain::clock::Clock;
use refresh::Refresh;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_contract::server::Scopes;
use tenant_registry_contract::types::{ActorId, TenantId, Text};
use thiserror::Error;

pub use access::{Access, AccessSettings};
pub use issuer::{Issuer, IssuerError};
pub use keys::KeySet;
pub use refresh::RefreshSettings;
pub use roles::{RoleGrant, RoleGrantError, RoleGrants};
pub use token::Verifier;

/// What a token has to be like.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Who has to have signed it.
    pub issuer: Issuer,
    /// Whom it has to be meant for.
    pub audience: String,
    /// By how much the realm's clock may differ from ours, in whole seconds.
    pub leeway: Duration,
    /// The claim with the id of the one tenant that its bearer sees.
    pub tenant_claim: String,
    /// What roles allow.
    pub roles: RoleGrants,
}

impl TokenRules {
    fn leeway(&self) -> i64 {
        self.leeway.as_secs().cast_signed()
    }
}

/// The bearer of a good token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The realm's name for it, which never changes and no other has (`sub`).
    pub subject: ActorId,
    /// A name that people know: the user's, or the client's where that acts for itself.
    pub name: Option<Text>,
    /// Who it is.
    pub kind: BearerKind,
    /// The one tenant that it sees; none for who sees all of them.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub scopes: Scopes,
}

/// Who bears a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerKind {
    /// A person.
    User,
    /// A program, which acts for itself.
    ServiceAccount,
}

/// Why a token is not taken, in words that may be told to whoever sent it. No variant carries a part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Before anything of it is read.
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// It has another form.
    #[error("the token is no signed JWT")]
    Form,
    /// `none`, a shared secret, or a way that nobody needs.
    #[error("the token is signed neither by RS256 nor by ES256 nor by EdDSA")]
    Algorithm,
    /// RFC 7515, section 4.1.11.
    #[error("the token asks for an extension (`crit`), of which this service has none")]
    Critical,
    /// `jku`, `jwk`, `x5u`, `x5c`: a key from where the token says is anybody's.
    #[error("the token brings a key of its own, or says where to find one")]
    OwnKey,
    /// An ID token, a refresh token, or something else that the realm signs.
    #[error("the token is not an access token")]
    OtherToken,
    /// Its `kid` is none of the realm's; the realm may have withdrawn it.
    #[error("the token is signed with a key that the issuer does not have")]
    UnknownKey,
    /// More than one key fits.
    #[error("the token does not say with which of the issuer's keys it is signed (`kid`)")]
    NoKeyId,
    /// A key is used for one algorithm only.
    #[error("the token is signed by another algorithm (`alg`) than its key (`kid`) is for")]
    KeyAlgorithm,
    /// It was changed, or somebody else signed it.
    #[error("the token's signature is wrong")]
    Signature,
    /// What is signed is no object, or has a claim twice.
    #[error("the token's claims cannot be read")]
    Claims,
    /// A claim that has to be there.
    #[error("the token lacks the claim `{0}`")]
    Missing(&'static str),
    /// A claim that is not what it should be.
    #[error("the token's claim `{0}` cannot be read")]
    Claim(&'static str),
    /// Another realm's.
    #[error("the token is of another issuer (`iss`)")]
    Issuer,
    /// Another service's.
    #[error("the token is not meant for this service (`aud`)")]
    Audience,
    /// Its time is over.
    #[error("the token has expired (`exp`)")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the token is of a later time (`{0}`): are the clocks right?")]
    Early(&'static str),
    /// Whoever has such a token is meant to see one tenant; which, nobody knows.
    #[error("the token's claim for the tenant is not a tenant's id")]
    Tenant,
}

/// Why nobody was found behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is not taken.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The realm's keys were never fetched, so that nothing can be said of any token.
    #[error("the issuer's keys could not be fetched yet")]
    Unavailable,
}

/// What a realm is asked for, and how often.
#[derive(Clone, Debug)]
pub struct RealmSettings {
    /// What its tokens have to be like.
    pub rules: TokenRules,
    /// How its keys are kept up to date.
    pub refresh: RefreshSettings,
}

/// Why a realm cannot be asked.
#[derive(Debug, Error)]
pub enum RealmError {
    /// TLS, most likely: this machine has no certificates of authorities.
    #[error("no requests can be sent to the issuer: {0}")]
    Http(#[from] reqwest::Error),
    /// The operating system gave no random bytes.
    #[error("the random generator: {0}")]
    Generator(#[from] getrandom::Error),
}

/// A realm, whose tokens are taken. Dropping it ends the fetching of its keys.
pub struct Realm {
    verifier: Verifier,
    refresh: Refresh,
}

impl Realm {
    /// Begins to fetch the keys, and does not wait for them. A tokio runtime has to be there.
    ///
    /// # Errors
    /// When no request can be sent from this machine, or it gives no random bytes. Whether the realm answers shows later.
    pub fn start(settings: RealmSettings, clock: Clock) -> Result<Self, RealmError> {
        let RealmSettings { rules, refresh } = settings;
        Ok(Self {
            refresh: Refresh::start(rules.issuer.clone(), refresh)?,
            verifier: Verifier::new(rules, clock)?,
        })
    }

    /// Have its keys been fetched, so that tokens can be told apart?
    pub fn is_ready(&self) -> bool {
        self.refresh.keys().is_some()
    }

    /// Who bears this token. One with an unknown key may wait for the realm, a few seconds at most; others do not.
    ///
    /// # Errors
    /// Why it is not taken, or that nothing can be said.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        let keys = self.refresh.keys().ok_or(TokenError::Unavailable)?;
        match self.verifier.verify(&keys, token) {
            Err(Refusal::UnknownKey) => {}
            known => return Ok(known?),
        }
        self.refresh.look_again().await;
        let keys = self.refresh.keys().ok_or(TokenError::Unavailable)?;
        Ok(self.verifier.verify(&keys, token)?)
    }
}
