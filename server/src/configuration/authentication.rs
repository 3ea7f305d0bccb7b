//! The settings of authentication: the issuer whose tokens are accepted, or open access.

use super::ListenerConfiguration;
use super::parsers::whole_number;
use crate::auth::{
    AccessSettings, ClaimPath, IssuerSettings, IssuerUrl, RefreshSettings, RoleGrant, TokenRules, TokenType,
};
use crate::name::Name;
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// The issuer whose tokens are accepted, and what the tokens allow.
#[derive(Args, Clone, Debug)]
pub struct AuthenticationConfiguration {
    /// URL of the OpenID Connect issuer whose tokens are accepted, such as `https://sso.example.com/realms/platform`. It
    /// must be exactly the `iss` claim of the tokens, and use https, except on this machine. If not set, there is no
    /// authentication, and the service listens only on a loopback address. With a wrong URL, all tokens are rejected. If the
    /// issuer cannot be reached, the service starts, but returns 503 to calls with a token until it has the issuer's keys.
    #[arg(long, env = "OIDC_ISSUER", value_name = "OIDC_ISSUER")]
    pub oidc_issuer: Option<IssuerUrl>,

    /// Audience that tokens must name in `aud`, and the client whose roles in `resource_access` are used. If other services
    /// use the same audience, tokens that were issued for them are accepted here too.
    #[arg(
        long,
        env = "OIDC_AUDIENCE",
        value_name = "OIDC_AUDIENCE",
        default_value = "tenant-registry"
    )]
    pub oidc_audience: Name,

    /// Scopes that the issuer's roles grant, separated by commas: `support=tenants:read+audit:read,operator=*`, where `*`
    /// means every scope. A role or a scope in the token that has the name of one of the service's scopes grants that scope
    /// without this setting. Everyone with the role gets these scopes, so check who has it.
    #[arg(long, env = "OIDC_ROLES", value_name = "OIDC_ROLES", value_delimiter = ',')]
    pub oidc_roles: Vec<RoleGrant>,

    /// Claim with the id of the only tenant that the caller may see, such as `tenant_id`. `org.tenant_id` is the claim of that
    /// name or the member `tenant_id` of the claim `org`. A caller whose token lacks the claim sees all tenants, unless
    /// OIDC_ALL_TENANTS_ROLE is set. With a wrong name, callers that should see one tenant see all of them: test it with one of
    /// their tokens.
    #[arg(
        long,
        env = "OIDC_TENANT_CLAIM",
        value_name = "OIDC_TENANT_CLAIM",
        default_value = "tenant_id"
    )]
    pub oidc_tenant_claim: ClaimPath,

    /// Role that a token without OIDC_TENANT_CLAIM must have. Such a token is otherwise rejected, so a forgotten or misnamed
    /// claim does not open all tenants. It must be a role of the realm or of the client OIDC_AUDIENCE; the claim `scope` does
    /// not count. If not set, every token without the claim sees all tenants.
    #[arg(long, env = "OIDC_ALL_TENANTS_ROLE", value_name = "OIDC_ALL_TENANTS_ROLE")]
    pub oidc_all_tenants_role: Option<Name>,

    /// Types of tokens that are accepted, by `typ` in their header. Set `at+jwt` if the issuer follows RFC 9068: its other
    /// tokens, such as ID tokens, then cannot be mistaken for access tokens. With `at+jwt` and another issuer, such as
    /// Keycloak without this option, all tokens are rejected.
    #[arg(
        long,
        env = "OIDC_TOKEN_TYPE",
        value_name = "OIDC_TOKEN_TYPE",
        value_enum,
        default_value_t = TokenType::Any
    )]
    pub oidc_token_type: TokenType,

    /// Tolerated difference in seconds between the issuer's clock and this machine's clock, up to 300. Too low: new tokens
    /// are rejected when the clocks differ. Tokens are accepted for this many seconds after they expire.
    #[arg(
        long,
        env = "OIDC_LEEWAY",
        value_name = "OIDC_LEEWAY",
        default_value_t = 30,
        value_parser = whole_number::<u64>("seconds", 0, 300, 30)
    )]
    pub oidc_leeway: u64,

    /// Allow open access from other machines: listen on any address without authentication. Everyone who can reach the port
    /// can then do everything.
    #[arg(long)]
    pub insecure_no_auth: bool,
}

/// Why the settings of authentication are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// An issuer and open access are both set.
    #[error("--insecure-no-auth and --oidc-issuer <OIDC_ISSUER> cannot be used together: remove one of them")]
    Both,
    /// The service would be open to other machines, most likely by mistake.
    #[error(
        "without --oidc-issuer <OIDC_ISSUER> there is no authentication, and other machines may reach {0}: set an issuer, \
         listen on a loopback address, or allow open access with --insecure-no-auth"
    )]
    Exposed(SocketAddr),
}

impl AuthenticationConfiguration {
    /// Returns how callers of these listeners authenticate.
    ///
    /// # Errors
    /// Fails if the service would be open to other machines without `--insecure-no-auth`.
    pub fn access(&self, listeners: &ListenerConfiguration) -> Result<AccessSettings, AccessError> {
        match &self.oidc_issuer {
            Some(_) if self.insecure_no_auth => Err(AccessError::Both),
            Some(issuer) => Ok(AccessSettings::Issuer(Box::new(self.issuer(issuer.clone())))),
            None if self.insecure_no_auth => Ok(AccessSettings::Open),
            None => match listeners.exposed() {
                Some(address) => Err(AccessError::Exposed(address)),
                None => Ok(AccessSettings::Open),
            },
        }
    }

    fn issuer(&self, issuer: IssuerUrl) -> IssuerSettings {
        IssuerSettings {
            rules: TokenRules {
                issuer,
                audience: self.oidc_audience.clone(),
                leeway: Duration::from_secs(self.oidc_leeway),
                tenant_claim: self.oidc_tenant_claim.clone(),
                all_tenants_role: self.oidc_all_tenants_role.clone(),
                token_type: self.oidc_token_type,
                roles: self.oidc_roles.iter().cloned().collect(),
            },
            refresh: RefreshSettings::default(),
        }
    }
}
