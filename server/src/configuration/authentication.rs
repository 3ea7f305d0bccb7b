//! The settings of who may call: the realm whose tokens are taken, or that nobody is asked.

use crate::auth::{AccessSettings, Issuer, RealmSettings, RefreshSettings, RoleGrant, TokenRules};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// Whose tokens are taken, and what they allow.
#[derive(Args, Clone, Debug)]
pub struct AuthenticationConfiguration {
    /// Issuer of the tokens that callers have to bring: the address of an OpenID Connect realm, as `iss` has it to the letter,
    /// such as `https://sso.example.com/realms/platform`. https alone, but on this machine. Without one nobody is asked who
    /// they are, and the service listens on the loopback address alone. A wrong one, and no token is taken; one that does not
    /// answer does not stop the start, but each call is answered with 503 until it does.
    #[arg(long, env = "OIDC_ISSUER", value_name = "OIDC_ISSUER")]
    pub oidc_issuer: Option<Issuer>,

    /// What tokens have to name in `aud`, and the client whose roles in `resource_access` count. One that other services
    /// have as well, and tokens that were meant for those open this one.
    #[arg(
        long,
        env = "OIDC_AUDIENCE",
        value_name = "OIDC_AUDIENCE",
        default_value = "tenant-registry",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub oidc_audience: String,

    /// What the realm's roles allow, separated by commas: `support=tenants:read+audit:read,operator=*`, where `*` is every
    /// scope. A role or a scope of the token that is named as one of the service's allows that by itself. A role that many
    /// have, or that anybody can get, gives them all that stands here.
    #[arg(long, env = "OIDC_ROLES", value_name = "OIDC_ROLES", value_delimiter = ',')]
    pub oidc_roles: Vec<RoleGrant>,

    /// The claim with the id of the one tenant that a token's bearer sees; whose token lacks it sees all of them. A wrong
    /// name, and those who were to see one tenant see all: try it with one of their tokens.
    #[arg(
        long,
        env = "OIDC_TENANT_CLAIM",
        value_name = "OIDC_TENANT_CLAIM",
        default_value = "tenant_id",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub oidc_tenant_claim: String,

    /// Seconds by which the issuer's clock may differ from this machine's, up to 300. Too few, and new tokens are refused
    /// where clocks differ; a token is taken so much longer than it is valid.
    #[arg(
        long,
        env = "OIDC_LEEWAY",
        value_name = "OIDC_LEEWAY",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(..=300)
    )]
    pub oidc_leeway: u64,

    /// Serve beyond the loopback address without asking anybody who they are. Whoever reaches the port may then do
    /// everything.
    #[arg(long)]
    pub insecure_no_auth: bool,
}

/// Why the settings do not say who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// They say two things.
    #[error("--insecure-no-auth and --oidc-issuer <OIDC_ISSUER> exclude each other: leave one of them out")]
    Both,
    /// It was forgotten, most likely.
    #[error(
        "without --oidc-issuer <OIDC_ISSUER> nobody is asked who they are, and {0} may be reached from other machines: set \
         it, listen on a loopback address, or let everybody in with --insecure-no-auth"
    )]
    Exposed(SocketAddr),
}

impl AuthenticationConfiguration {
    /// Who is let in at these addresses.
    ///
    /// # Errors
    /// When everybody would be who reaches this machine, without that having been asked for.
    pub fn access(&self, listening: impl IntoIterator<Item = SocketAddr>) -> Result<AccessSettings, AccessError> {
        let exposed = || {
            listening
                .into_iter()
                .find(|address| !address.ip().to_canonical().is_loopback())
        };
        match &self.oidc_issuer {
            Some(_) if self.insecure_no_auth => Err(AccessError::Both),
            Some(issuer) => Ok(AccessSettings::Realm(Box::new(self.realm(issuer.clone())))),
            None if self.insecure_no_auth => Ok(AccessSettings::Anybody),
            None => exposed().map_or(Ok(AccessSettings::Anybody), |address| {
                Err(AccessError::Exposed(address))
            }),
        }
    }

    fn realm(&self, issuer: Issuer) -> RealmSettings {
        RealmSettings {
            rules: TokenRules {
                issuer,
                audience: self.oidc_audience.clone(),
                leeway: Duration::from_secs(self.oidc_leeway),
                tenant_claim: self.oidc_tenant_claim.clone(),
                roles: self.oidc_roles.iter().cloned().collect(),
            },
            refresh: RefreshSettings::default(),
        }
    }
}
