//! The issuer's public keys (JWKS, RFC 7517) that can verify tokens.

use super::InvalidToken;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of key sets that this process has read.
static SETS_READ: AtomicU64 = AtomicU64::new(0);

/// The supported signature algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SigningAlgorithm {
    /// RSA with SHA-256, PKCS #1 v1.5.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// Finds an algorithm by its name in a header (RFC 7518, section 3.1; RFC 8037).
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// The algorithm that a key is for, which follows from its type. If the key has an `alg`, the two must agree.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "key types that the library may add are for other algorithms"
    )]
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Self::Rs256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Self::Es256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Self::EdDsa,
            _ => return None,
        };
        let declared = jwk.common.key_algorithm;
        declared
            .is_none_or(|declared| declared == KeyAlgorithm::from(Algorithm::from(algorithm)))
            .then_some(algorithm)
    }
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::RS256,
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// A key that can verify tokens.
struct VerifyingKey {
    id: Option<String>,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// Reads a key. Returns none if it is for something else: encryption, another algorithm, a shared secret.
    fn read(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let common = &jwk.common;
        let signs = common
            .public_key_use
            .as_ref()
            .is_none_or(|it| *it == PublicKeyUse::Signature);
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !signs || !verifies {
            return None;
        }
        Some(Self {
            algorithm: SigningAlgorithm::from_jwk(&jwk)?,
            key: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
        })
    }
}

/// The keys that an issuer published at one time.
pub struct KeySet {
    id: u64,
    keys: Vec<VerifyingKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a document of the type `application/jwk-set+json`. Keys that cannot verify tokens are skipped.
    ///
    /// # Errors
    /// Fails if the document is not a key set.
    pub fn read(document: &[u8]) -> Result<Self, serde_json::Error> {
        let Document { keys } = serde_json::from_slice(document)?;
        Ok(Self {
            id: SETS_READ.fetch_add(1, Ordering::Relaxed),
            keys: keys.into_iter().filter_map(VerifyingKey::read).collect(),
        })
    }

    /// A number that is unique among the key sets of this process.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Finds the key of a token. The `kid` is only compared, never interpreted. A token without a `kid` is accepted if
    /// exactly one key fits, because some issuers do not name their keys.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SigningAlgorithm) -> Result<&DecodingKey, InvalidToken> {
        let Some(id) = id else {
            let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
            return match (fitting.next(), fitting.next()) {
                (Some(VerifyingKey { key, .. }), None) => Ok(key),
                (None, _) => Err(InvalidToken::UnknownKey),
                (Some(_), Some(_)) => Err(InvalidToken::AmbiguousKey),
            };
        };
        let named = || self.keys.iter().filter(|key| key.id.as_deref() == Some(id));
        match named().find(|key| key.algorithm == algorithm) {
            Some(VerifyingKey { key, .. }) => Ok(key),
            None if named().next().is_some() => Err(InvalidToken::KeyAlgorithm),
            None => Err(InvalidToken::UnknownKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeySet, SigningAlgorithm};
    use crate::auth::InvalidToken;
    use serde_json::{Value, json};

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn set(keys: Value) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn ed(more: Value) -> Value {
        let mut key = json!({ "kty": "OKP", "crv": "Ed25519", "x": X });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn keys_for_other_purposes_are_skipped() {
        let others = json!([
            ed(json!({ "kid": "1", "use": "enc" })),
            ed(json!({ "kid": "2", "use": "other" })),
            ed(json!({ "kid": "3", "key_ops": ["sign"] })),
            ed(json!({ "kid": "4", "alg": "RS256" })),
            ed(json!({ "kid": 5 })),
            { "kty": "oct", "kid": "6", "k": "c2VjcmV0" },
            { "kty": "OKP", "crv": "X25519", "kid": "7", "x": X },
            { "kty": "EC", "crv": "P-384", "kid": "8", "x": X, "y": X },
            { "kty": "RSA", "kid": "9", "alg": "RSA-OAEP", "n": X, "e": "AQAB" },
            { "kty": "RSA", "kid": "10", "alg": "PS256", "n": X, "e": "AQAB" },
            { "kty": "RSA", "kid": "11", "n": "*", "e": "AQAB" },
            { "kty": "new" },
            "no key",
        ]);
        assert_eq!(set(others).len(), 0);
        let good = json!([
            ed(json!({})),
            ed(json!({ "use": "sig", "alg": "EdDSA" })),
            ed(json!({ "key_ops": ["verify"] }))
        ]);
        assert_eq!(set(good).len(), 3);
        for document in ["", "[]", "{}", r#"{"keys": {}}"#] {
            assert!(KeySet::read(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn a_key_is_found_by_id_and_algorithm() {
        let set = set(json!([
            ed(json!({ "kid": "a" })),
            ed(json!({ "kid": "b" })),
            { "kty": "RSA", "kid": "c", "n": X, "e": "AQAB" },
        ]));
        let find = |id, algorithm| set.find(id, algorithm).map(|_| ());
        assert_eq!(find(Some("a"), SigningAlgorithm::EdDsa), Ok(()));
        assert_eq!(
            find(Some("a"), SigningAlgorithm::Rs256),
            Err(InvalidToken::KeyAlgorithm)
        );
        assert_eq!(find(Some("A"), SigningAlgorithm::EdDsa), Err(InvalidToken::UnknownKey));
        assert_eq!(find(Some(""), SigningAlgorithm::EdDsa), Err(InvalidToken::UnknownKey));
        assert_eq!(find(None, SigningAlgorithm::EdDsa), Err(InvalidToken::AmbiguousKey));
        assert_eq!(find(None, SigningAlgorithm::Rs256), Ok(()));
        assert_eq!(find(None, SigningAlgorithm::Es256), Err(InvalidToken::UnknownKey));
    }
}
