//! A realm's public keys (JWKS, RFC 7517), as far as a token may be signed with them.

use super::Refusal;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sets that this process has read.
static READ: AtomicU64 = AtomicU64::new(0);

/// How a token may be signed. There is no other way.
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
    /// By its name in a header (RFC 7518, section 3.1; RFC 8037).
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// What a key is for: its type says so, and its `alg`, where it has one, has to agree.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever types of keys the library may add, none is for these algorithms"
    )]
    fn of(jwk: &Jwk) -> Option<Self> {
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

/// A key that tokens may be signed with.
struct VerifyingKey {
    id: Option<String>,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// None where the key is for something else: encryption, another algorithm, a shared secret.
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
            algorithm: SigningAlgorithm::of(&jwk)?,
            key: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
        })
    }
}

/// All keys that a realm published at one time.
pub struct KeySet {
    id: u64,
    keys: Vec<VerifyingKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a document of type `application/jwk-set+json`. Keys that no token may be signed with are left out.
    ///
    /// # Errors
    /// It is no such document.
    pub fn read(document: &[u8]) -> Result<Self, serde_json::Error> {
        let Document { keys } = serde_json::from_slice(document)?;
        Ok(Self {
            id: READ.fetch_add(1, Ordering::Relaxed),
            keys: keys.into_iter().filter_map(VerifyingKey::read).collect(),
        })
    }

    /// A number that no other set of this process has.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of a token. Its `kid` is compared, and nothing else is done with it. A token without one is taken where
    /// just one key fits, as it is with realms that name none.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SigningAlgorithm) -> Result<&DecodingKey, Refusal> {
        let Some(id) = id else {
            let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
            return match (fitting.next(), fitting.next()) {
                (Some(VerifyingKey { key, .. }), None) => Ok(key),
                (None, _) => Err(Refusal::UnknownKey),
                (Some(_), Some(_)) => Err(Refusal::NoKeyId),
            };
        };
        let named = || self.keys.iter().filter(|key| key.id.as_deref() == Some(id));
        match named().find(|key| key.algorithm == algorithm) {
            Some(VerifyingKey { key, .. }) => Ok(key),
            None if named().next().is_some() => Err(Refusal::KeyAlgorithm),
            None => Err(Refusal::UnknownKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeySet, SigningAlgorithm};
    use crate::auth::Refusal;
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
    fn keys_for_other_things_do_not_count() {
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
    fn a_key_is_found_by_id_and_algorithm_together() {
        let set = set(json!([
            ed(json!({ "kid": "a" })),
            ed(json!({ "kid": "b" })),
            { "kty": "RSA", "kid": "c", "n": X, "e": "AQAB" },
        ]));
        let find = |id, algorithm| set.find(id, algorithm).map(|_| ());
        assert_eq!(find(Some("a"), SigningAlgorithm::EdDsa), Ok(()));
        assert_eq!(find(Some("a"), SigningAlgorithm::Rs256), Err(Refusal::KeyAlgorithm));
        assert_eq!(find(Some("A"), SigningAlgorithm::EdDsa), Err(Refusal::UnknownKey));
        assert_eq!(find(Some(""), SigningAlgorithm::EdDsa), Err(Refusal::UnknownKey));
        assert_eq!(find(None, SigningAlgorithm::EdDsa), Err(Refusal::NoKeyId));
        assert_eq!(find(None, SigningAlgorithm::Rs256), Ok(()));
        assert_eq!(find(None, SigningAlgorithm::Es256), Err(Refusal::UnknownKey));
    }
}
