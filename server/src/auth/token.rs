//! Checks one token against a set of keys, and remembers that it was good.

use super::claims::Claims;
use super::keys::{KeySet, SigningAlgorithm};
use super::{Refusal, TokenRules, Verified};
use crate::domain::clock::Clock;
use crate::keyed_memory::KeyedMemory;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use std::sync::Arc;

/// The longest token that is looked at; Keycloak's have some 1 to 4 KiB.
const TOKEN_BYTES: usize = 16 * 1024;

/// Tokens that are remembered, at less than 1 KiB each.
const REMEMBERED: usize = 10_000;

/// The types of a header that access tokens have (RFC 7519, section 5.1; RFC 9068, section 2.1).
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// Checks tokens by the rules of one realm.
pub struct Verifier {
    rules: TokenRules,
    validation: Validation,
    /// Good tokens, each with the set of keys that it was checked against.
    remembered: KeyedMemory<Remembered>,
    clock: Clock,
}

#[derive(Clone)]
struct Remembered {
    verified: Arc<Verified>,
    /// The second from which on the token is worth nothing.
    ends: i64,
}

/// What is read of a header before anything is believed (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
    #[serde(default, deserialize_with = "is_there")]
    jku: bool,
    #[serde(default, deserialize_with = "is_there")]
    jwk: bool,
    #[serde(default, deserialize_with = "is_there")]
    x5u: bool,
    #[serde(default, deserialize_with = "is_there")]
    x5c: bool,
}

/// Whatever the member is, null included.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    fn read(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Form);
        };
        if claims.is_empty() || signature.is_empty() {
            return Err(Refusal::Form);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Refusal::Form)?;
        serde_json::from_slice(&header).map_err(|_| Refusal::Form)
    }

    /// The algorithm, where nothing stands against it.
    fn algorithm(&self) -> Result<SigningAlgorithm, Refusal> {
        let algorithm = SigningAlgorithm::named(&self.alg).ok_or(Refusal::Algorithm)?;
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
            return Err(Refusal::Critical);
        }
        if *jku || *jwk || *x5u || *x5c {
            return Err(Refusal::OwnKey);
        }
        let is_access_token = |typ: &String| TYPES.iter().any(|it| it.eq_ignore_ascii_case(typ));
        if !typ.as_ref().is_none_or(is_access_token) {
            return Err(Refusal::OtherToken);
        }
        Ok(algorithm)
    }
}

impl Verifier {
    /// A verifier that remembers nothing yet.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn new(rules: TokenRules, clock: Clock) -> Result<Self, getrandom::Error> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[rules.issuer.as_str()]);
        validation.set_audience(&[&rules.audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // Times are held against the service's own clock, and again when a token is remembered: `claims`.
        validation.validate_exp = false;
        Ok(Self {
            rules,
            validation,
            remembered: KeyedMemory::new(REMEMBERED)?,
            clock,
        })
    }

    /// Who bears this token, by these keys. One that is remembered costs no signature.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(&self, keys: &KeySet, token: &str) -> Result<Arc<Verified>, Refusal> {
        if token.len() > TOKEN_BYTES {
            return Err(Refusal::TooLong);
        }
        // With other keys the token is another: one that was withdrawn does not live on in what is remembered.
        let digest = self.remembered.digest(&[&keys.id().to_be_bytes(), token.as_bytes()]);
        if let Some(Remembered { verified, ends }) = self.remembered.recall(&digest) {
            return if self.clock.now().timestamp() < ends {
                Ok(verified)
            } else {
                Err(Refusal::Expired)
            };
        }
        let (verified, ends) = self.check(keys, token)?;
        let verified = Arc::new(verified);
        let remembered = Remembered {
            verified: Arc::clone(&verified),
            ends,
        };
        self.remembered.remember(digest, remembered);
        Ok(verified)
    }

    /// The same, neither from memory nor into it; and the second, since 1970, from which on the token is worth nothing.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn check(&self, keys: &KeySet, token: &str) -> Result<(Verified, i64), Refusal> {
        if token.len() > TOKEN_BYTES {
            return Err(Refusal::TooLong);
        }
        let header = Header::read(token)?;
        let algorithm = header.algorithm()?;
        let key = keys.find(header.kid.as_deref(), algorithm)?;
        let validation = Validation {
            algorithms: vec![algorithm.into()],
            ..self.validation.clone()
        };
        let claims = decode::<Claims>(token, key, &validation)
            .map_err(|error| refusal(error.kind()))?
            .claims;
        claims.verified(&self.rules, self.clock.now())
    }
}

/// The library's word for it in ours; never its text, which quotes.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever the library may add, the token is refused"
)]
fn refusal(error: &ErrorKind) -> Refusal {
    match error {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Refusal::Missing("aud"),
        ErrorKind::MissingRequiredClaim(_) => Refusal::Missing("iss"),
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => Refusal::Claims,
        _ => Refusal::Form,
    }
}
