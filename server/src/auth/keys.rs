//! The issuer's public keys (JWKS, RFC 7517) that can verify tokens.

use super::InvalidToken;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse, RSAKeyParameters,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// The minimum length of an RSA key (RFC 7518, section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The maximum length of an RSA key that the library supports.
const MAX_RSA_BITS: usize = 8192;

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

/// Why a key of the issuer is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum UnusableKey {
    /// It is no object, or a member has the wrong type.
    #[error("it is not a JSON Web Key")]
    Malformed,
    /// Its `use` is not `sig`.
    #[error("it is not for signatures (`use`)")]
    Purpose,
    /// Its `key_ops` lack `verify`.
    #[error("it may not verify signatures (`key_ops`)")]
    Operations,
    /// Its `kty`, `crv` or `alg` belongs to another algorithm.
    #[error("it is not for RS256, ES256 or EdDSA (`kty`, `crv`, `alg`)")]
    Algorithm,
    /// An RSA key that is too short to be safe, or too long to be supported.
    #[error("an RSA key must have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")]
    Size,
    /// Its numbers are not a public key: a point beside the curve, or leading zeros.
    #[error("its members are not a public key")]
    Invalid,
    /// An earlier key has the same `kid` and is for the same algorithm.
    #[error("an earlier key has the same `kid`")]
    Duplicate,
}

/// A key that the issuer published, and that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeftOutKey {
    /// The `kid`, if there is one.
    pub id: Option<String>,
    /// Why it is not used.
    pub reason: UnusableKey,
}

/// Why a document has no keys that can verify tokens.
#[derive(Debug, Error)]
pub enum KeySetError {
    /// It is not a key set.
    #[error("cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It has no keys, or none that can be used.
    #[error("has no key that can verify tokens")]
    NoUsableKey(Vec<LeftOutKey>),
}

/// A key that can verify tokens.
struct VerifyingKey {
    id: Option<String>,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    fn read(jwk: &Value) -> Result<Self, UnusableKey> {
        let jwk = Jwk::deserialize(jwk).map_err(|_| UnusableKey::Malformed)?;
        let common = &jwk.common;
        let signs = common
            .public_key_use
            .as_ref()
            .is_none_or(|it| *it == PublicKeyUse::Signature);
        if !signs {
            return Err(UnusableKey::Purpose);
        }
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !verifies {
            return Err(UnusableKey::Operations);
        }
        let algorithm = SigningAlgorithm::from_jwk(&jwk).ok_or(UnusableKey::Algorithm)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| UnusableKey::Invalid)?;
        check_numbers(algorithm, &jwk.algorithm, &key)?;
        Ok(Self {
            id: jwk.common.key_id,
            algorithm,
            key,
        })
    }
}

/// Checks now what would otherwise make every signature of the key invalid.
fn check_numbers(
    algorithm: SigningAlgorithm,
    parameters: &AlgorithmParameters,
    key: &DecodingKey,
) -> Result<(), UnusableKey> {
    let parse = |algorithm: &'static dyn VerificationAlgorithm| {
        let bytes = key.try_get_as_bytes().map_err(|_| UnusableKey::Invalid)?;
        ParsedPublicKey::new(algorithm, bytes).map_err(|_| UnusableKey::Invalid)?;
        Ok(())
    };
    match algorithm {
        SigningAlgorithm::Es256 => parse(&ECDSA_P256_SHA256_FIXED),
        SigningAlgorithm::EdDsa => parse(&ED25519),
        SigningAlgorithm::Rs256 => {
            let AlgorithmParameters::RSA(RSAKeyParameters { key_type: _, n, e }) = parameters else {
                return Err(UnusableKey::Algorithm);
            };
            let number = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| UnusableKey::Invalid);
            let (n, e) = (number(n)?, number(e)?);
            let leading_zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
            if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&(8 * n.len() - leading_zeros)) {
                return Err(UnusableKey::Size);
            }
            // With such an exponent, anyone could sign, or no one. The library accepts some of them.
            if e == [1] || e.last().is_none_or(|byte| byte % 2 == 0) {
                return Err(UnusableKey::Invalid);
            }
            RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .map_err(|_| UnusableKey::Invalid)?;
            Ok(())
        }
    }
}

/// The keys that an issuer published at one time, at least one.
pub struct KeySet {
    id: u64,
    keys: Vec<VerifyingKey>,
    left_out: Vec<LeftOutKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a document of the type `application/jwk-set+json`. Keys that cannot verify tokens are left out.
    ///
    /// # Errors
    /// Fails if the document is not a key set, or if no key remains.
    pub fn read(document: &[u8]) -> Result<Self, KeySetError> {
        let document: Document = serde_json::from_slice(document)?;
        let (mut keys, mut left_out) = (Vec::<VerifyingKey>::new(), Vec::new());
        for jwk in &document.keys {
            let is_same = |one: &VerifyingKey, other: &VerifyingKey| {
                one.id.is_some() && one.id == other.id && one.algorithm == other.algorithm
            };
            let read = match VerifyingKey::read(jwk) {
                Ok(key) if keys.iter().any(|earlier| is_same(earlier, &key)) => Err(UnusableKey::Duplicate),
                read => read,
            };
            match read {
                Ok(key) => keys.push(key),
                Err(reason) => left_out.push(LeftOutKey {
                    id: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
                    reason,
                }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey(left_out));
        }
        Ok(Self {
            id: SETS_READ.fetch_add(1, Ordering::Relaxed),
            keys,
            left_out,
        })
    }

    /// The keys that the issuer published, and that are not used.
    pub(super) fn left_out(&self) -> &[LeftOutKey] {
        &self.left_out
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
    use super::{KeySet, KeySetError, LeftOutKey, SigningAlgorithm, UnusableKey};
    use crate::auth::InvalidToken;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
    use test_support::issuer::Signer;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(keys: &Value) -> Result<KeySet, KeySetError> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn set(keys: Value) -> KeySet {
        read(&keys).unwrap()
    }

    fn ed(more: Value) -> Value {
        let mut key = json!({ "kty": "OKP", "crv": "Ed25519", "x": X });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    /// An RSA key whose modulus has this many bits.
    fn rsa(id: &str, bits: usize) -> Value {
        let mut modulus = vec![0xff; bits / 8];
        modulus[0] = 0x80;
        json!({ "kty": "RSA", "kid": id, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" })
    }

    #[test]
    fn weak_and_unusable_keys_are_left_out() {
        let cases = [
            (ed(json!({ "kid": "a", "use": "enc" })), UnusableKey::Purpose),
            (ed(json!({ "kid": "a", "use": "other" })), UnusableKey::Purpose),
            (ed(json!({ "kid": "a", "key_ops": ["sign"] })), UnusableKey::Operations),
            (ed(json!({ "kid": "a", "key_ops": [] })), UnusableKey::Operations),
            (ed(json!({ "kid": "a", "alg": "RS256" })), UnusableKey::Algorithm),
            (
                json!({ "kty": "oct", "kid": "a", "k": "c2VjcmV0" }),
                UnusableKey::Algorithm,
            ),
            (
                json!({ "kty": "OKP", "crv": "X25519", "kid": "a", "x": X }),
                UnusableKey::Algorithm,
            ),
            (
                json!({ "kty": "EC", "crv": "P-384", "kid": "a", "x": X, "y": X }),
                UnusableKey::Algorithm,
            ),
            (
                json!({ "kty": "RSA", "kid": "a", "alg": "RSA-OAEP", "n": X, "e": "AQAB" }),
                UnusableKey::Algorithm,
            ),
            (
                json!({ "kty": "RSA", "kid": "a", "alg": "PS256", "n": X, "e": "AQAB" }),
                UnusableKey::Algorithm,
            ),
            (rsa("a", 1024), UnusableKey::Size),
            (rsa("a", 2040), UnusableKey::Size),
            (rsa("a", 8200), UnusableKey::Size),
            (
                json!({ "kty": "RSA", "kid": "a", "n": "", "e": "AQAB" }),
                UnusableKey::Size,
            ),
            (
                json!({ "kty": "RSA", "kid": "a", "n": "*", "e": "AQAB" }),
                UnusableKey::Invalid,
            ),
            (
                json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": X, "y": X }),
                UnusableKey::Invalid,
            ),
            (
                json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": "AQ", "y": "AQ" }),
                UnusableKey::Invalid,
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AQAB" }),
                UnusableKey::Invalid,
            ),
            (
                json!({ "kty": "RSA", "kid": "a", "n": 1, "e": "AQAB" }),
                UnusableKey::Algorithm,
            ),
            (json!({ "kid": "a" }), UnusableKey::Algorithm),
            (ed(json!({ "kid": "a", "use": 1 })), UnusableKey::Malformed),
        ];
        for (key, reason) in &cases {
            let set = set(json!([key, ed(json!({ "kid": "good" }))]));
            let id = Some("a".to_owned());
            assert_eq!(set.left_out(), [LeftOutKey { id, reason: *reason }], "{key}");
            assert_eq!(set.len(), 1);
        }
        for unnamed in [json!("no key"), json!(null), ed(json!({ "kid": 5 }))] {
            let set = set(json!([unnamed, ed(json!({}))]));
            let reason = UnusableKey::Malformed;
            assert_eq!(set.left_out(), [LeftOutKey { id: None, reason }], "{unnamed}");
        }
        for exponent in ["", "AA", "AQ", "Ag"] {
            let mut key = rsa("a", 2048);
            key["e"] = exponent.into();
            let error = read(&json!([key])).err();
            assert!(matches!(error, Some(KeySetError::NoUsableKey(_))), "{exponent}");
        }
        let good = json!([
            ed(json!({})),
            ed(json!({ "use": "sig", "alg": "EdDSA" })),
            ed(json!({ "key_ops": ["verify"] })),
            rsa("a", 2048),
            rsa("b", 8192),
            Signer::rs256().jwk("rsa"),
            Signer::es256().jwk("ec"),
        ]);
        let good = set(good);
        assert_eq!((good.len(), good.left_out()), (7, &[][..]));
    }

    #[test]
    fn of_keys_with_the_same_id_the_first_is_used() {
        let twice = set(json!([
            ed(json!({ "kid": "a" })),
            Signer::ed_dsa().jwk("a"),
            rsa("a", 2048)
        ]));
        assert_eq!(twice.len(), 2, "the keys of other algorithms may have the same id");
        let (id, reason) = (Some("a".to_owned()), UnusableKey::Duplicate);
        assert_eq!(twice.left_out(), [LeftOutKey { id, reason }]);
    }

    #[test]
    fn a_document_without_a_usable_key_is_an_error() {
        for document in ["", "[]", "{}", r#"{"keys": {}}"#] {
            let error = KeySet::read(document.as_bytes()).err();
            assert!(matches!(error, Some(KeySetError::Malformed(_))), "{document}");
        }
        for keys in [json!([]), json!([ed(json!({ "use": "enc" })), "no key"])] {
            let Some(KeySetError::NoUsableKey(left_out)) = read(&keys).err() else {
                panic!("{keys}");
            };
            assert_eq!(left_out.len(), keys.as_array().unwrap().len());
        }
    }

    #[test]
    fn a_key_is_found_by_id_and_algorithm() {
        let set = set(json!([
            ed(json!({ "kid": "a" })),
            ed(json!({ "kid": "b" })),
            rsa("c", 2048),
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
