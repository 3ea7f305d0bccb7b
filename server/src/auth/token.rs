//! Verifies tokens against a set of keys, and caches those that are valid.

use super::claims::Claims;
use super::keys::{KeySet, SigningAlgorithm};
use super::{InvalidToken, TokenRules, VerifiedToken};
use crate::digest_cache::DigestCache;
use crate::domain::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use std::sync::Arc;

/// The maximum length of a token. Keycloak's tokens are 1 to 4 KiB long.
const TOKEN_BYTES: usize = 16 * 1024;

/// The maximum number of tokens in the cache, at less than 1 KiB each.
const CACHED_TOKENS: usize = 10_000;

/// The values of `typ` in the header of an access token that follows RFC 9068 (section 2.1).
const AT_JWT: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// The value of `typ` in the header of any JWT (RFC 7519, section 5.1).
const JWT: &str = "JWT";

/// The types of tokens that are accepted. The type is `typ` in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TokenType {
    /// `at+jwt`, `JWT`, and tokens without a type.
    Any,
    /// Only `at+jwt` (RFC 9068), which an issuer writes only into access tokens.
    #[value(name = "at+jwt")]
    AtJwt,
}

impl TokenType {
    fn check(self, typ: Option<&str>) -> Result<(), InvalidToken> {
        let is_at_jwt = typ.is_some_and(|typ| AT_JWT.iter().any(|it| it.eq_ignore_ascii_case(typ)));
        let is_jwt = typ.is_none_or(|typ| typ.eq_ignore_ascii_case(JWT));
        if is_at_jwt {
            return Ok(());
        }
        if !is_jwt {
            return Err(InvalidToken::NotAnAccessToken);
        }
        match self {
            Self::Any => Ok(()),
            Self::AtJwt => Err(InvalidToken::NotAtJwt),
        }
    }
}

/// Verifies tokens by the rules of one issuer.
pub struct Verifier {
    rules: TokenRules,
    validation: Validation,
    /// Valid tokens, each together with the key set that verified it.
    cache: DigestCache<CachedToken>,
    clock: Clock,
}

#[derive(Clone)]
struct CachedToken {
    verified: Arc<VerifiedToken>,
    /// The second at which the token expires.
    expires_at: i64,
}

/// The members of a header that are read before the signature is checked (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
    #[serde(default, deserialize_with = "is_present")]
    jku: bool,
    #[serde(default, deserialize_with = "is_present")]
    jwk: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5u: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5c: bool,
}

/// Returns true for any value, including null.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    fn read(token: &str) -> Result<Self, InvalidToken> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidToken::Malformed);
        };
        if claims.is_empty() || signature.is_empty() {
            return Err(InvalidToken::Malformed);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| InvalidToken::Malformed)?;
        serde_json::from_slice(&header).map_err(|_| InvalidToken::Malformed)
    }

    /// Returns the algorithm, if the header contains nothing that is rejected.
    fn algorithm(&self, token_type: TokenType) -> Result<SigningAlgorithm, InvalidToken> {
        let algorithm = SigningAlgorithm::from_name(&self.alg).ok_or(InvalidToken::Algorithm)?;
        let Self {
            alg: _,
            kid: _,
            typ,
            crit,
            jku,
            jwk,
            x5u,
            x5c,
        } = self;
        if *crit {
            return Err(InvalidToken::CriticalExtension);
        }
        if *jku || *jwk || *x5u || *x5c {
            return Err(InvalidToken::EmbeddedKey);
        }
        token_type.check(typ.as_deref())?;
        Ok(algorithm)
    }
}

impl Verifier {
    /// Creates a verifier with an empty cache.
    ///
    /// # Errors
    /// Fails if the operating system returns no random bytes.
    pub fn new(rules: TokenRules, clock: Clock) -> Result<Self, getrandom::Error> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[rules.issuer.as_str()]);
        validation.set_audience(&[rules.audience.as_str()]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // `claims` checks the times against the service's clock, and cached tokens are checked again on every use.
        validation.validate_exp = false;
        Ok(Self {
            rules,
            validation,
            cache: DigestCache::new(CACHED_TOKENS)?,
            clock,
        })
    }

    /// Verifies a token with these keys. A cached token needs no signature check.
    ///
    /// # Errors
    /// Returns why the token is rejected.
    pub fn verify(&self, keys: &KeySet, token: &str) -> Result<Arc<VerifiedToken>, InvalidToken> {
        if token.len() > TOKEN_BYTES {
            return Err(InvalidToken::TooLong);
        }
        // The key set is a part of the cache key, so that a withdrawn key invalidates the tokens that it signed.
        let digest = self.cache.digest(&[&keys.id().to_be_bytes(), token.as_bytes()]);
        if let Some(CachedToken { verified, expires_at }) = self.cache.get(&digest) {
            return if self.clock.now().get().timestamp() < expires_at {
                Ok(verified)
            } else {
                Err(InvalidToken::Expired)
            };
        }
        let (verified, expires_at) = self.check(keys, token)?;
        let verified = Arc::new(verified);
        let cached = CachedToken {
            verified: Arc::clone(&verified),
            expires_at,
        };
        self.cache.insert(digest, cached);
        Ok(verified)
    }

    /// Verifies a token without the cache. Also returns the second, since 1970, at which the token expires.
    ///
    /// # Errors
    /// Returns why the token is rejected.
    pub fn check(&self, keys: &KeySet, token: &str) -> Result<(VerifiedToken, i64), InvalidToken> {
        if token.len() > TOKEN_BYTES {
            return Err(InvalidToken::TooLong);
        }
        let header = Header::read(token)?;
        let algorithm = header.algorithm(self.rules.token_type)?;
        let key = keys.find(header.kid.as_deref(), algorithm)?;
        let validation = Validation {
            algorithms: vec![algorithm.into()],
            ..self.validation.clone()
        };
        let claims = decode::<Claims>(token, key, &validation)
            .map_err(|error| invalid_token(error.kind()))?
            .claims;
        claims.verify(&self.rules, self.clock.now())
    }
}

/// Translates the library's error. Its text is not used, because it quotes the token.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the token is rejected, whatever variants the library may add"
)]
fn invalid_token(error: &ErrorKind) -> InvalidToken {
    match error {
        ErrorKind::InvalidSignature => InvalidToken::Signature,
        ErrorKind::InvalidIssuer => InvalidToken::WrongIssuer,
        ErrorKind::InvalidAudience => InvalidToken::WrongAudience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => InvalidToken::MissingClaim("aud"),
        ErrorKind::MissingRequiredClaim(_) => InvalidToken::MissingClaim("iss"),
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => InvalidToken::MalformedClaims,
        _ => InvalidToken::Malformed,
    }
}
