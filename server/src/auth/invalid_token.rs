//! Why a token is rejected.

use thiserror::Error;

/// Why a token is rejected. The messages are sent to callers. No variant contains a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidToken {
    /// Its length is checked before anything is read.
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// It does not have the form of a JWT with a signature.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// `none`, a symmetric algorithm, or another one that is not supported.
    #[error("the token is not signed with RS256, ES256 or EdDSA")]
    Algorithm,
    /// RFC 7515, section 4.1.11.
    #[error("the token requires an extension (`crit`), and this service supports none")]
    CriticalExtension,
    /// `jku`, `jwk`, `x5u` or `x5c`: a key that the token supplies proves nothing.
    #[error("the token contains a key or the address of one; only the issuer's published keys are accepted")]
    EmbeddedKey,
    /// An ID token, a refresh token, or another token that the issuer signs.
    #[error("the token is not an access token")]
    NotAnAccessToken,
    /// It is an access token, but its header does not say so, and a setting demands that.
    #[error("the token's type (`typ`) is not `at+jwt`, which this service requires")]
    NotAtJwt,
    /// It has the claim `cnf` (RFC 7800), as tokens for DPoP and mutual TLS do.
    #[error("the token is bound to a key of its holder (`cnf`), and this service accepts only bearer tokens")]
    Bound,
    /// The issuer does not publish a key with its `kid`. It may have withdrawn the key.
    #[error("the token is signed with a key that the issuer does not have")]
    UnknownKey,
    /// It has no `kid`, and more than one key fits.
    #[error("the token does not say which of the issuer's keys signed it (`kid`)")]
    AmbiguousKey,
    /// A key is used with one algorithm only.
    #[error("the token's algorithm (`alg`) does not fit its key (`kid`)")]
    KeyAlgorithm,
    /// It was modified, or another key signed it.
    #[error("the token's signature is invalid")]
    Signature,
    /// Its claims are not a JSON object, or the object has a duplicate member.
    #[error("the token's claims cannot be read")]
    MalformedClaims,
    /// A required claim is missing.
    #[error("the token lacks the claim `{0}`")]
    MissingClaim(&'static str),
    /// A claim has the wrong type or an invalid value.
    #[error("the token's claim `{0}` is invalid")]
    InvalidClaim(&'static str),
    /// Its `iss` is not the configured issuer.
    #[error("the token is from another issuer (`iss`)")]
    WrongIssuer,
    /// Its `aud` does not name this service.
    #[error("the token is not intended for this service (`aud`)")]
    WrongAudience,
    /// Its `exp` is over.
    #[error("the token has expired (`exp`)")]
    Expired,
    /// Its `nbf` or `iat` is in the future.
    #[error("the token is not valid yet (`{0}`); check the clocks")]
    NotYetValid(&'static str),
    /// The token should restrict the caller to one tenant, but does not name a tenant.
    #[error("the token's tenant claim is not a tenant id")]
    InvalidTenant,
    /// A setting demands that a token for all tenants has a certain role.
    #[error("the token names no tenant, and lacks the role that allows all tenants")]
    NoTenant,
}
