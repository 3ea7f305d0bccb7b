//! API keys as secrets: generating a plaintext, hashing it for storage, and checking one against a stored hash.
//!
//! This is the only module that uses argon2. A plaintext is always an `ApiKeyPlaintext`, whose `Debug` shows nothing.
//!
//! With a key of the deployment, a plaintext is checked against a keyed digest (`digest`) in a microsecond. Without one, and
//! for keys from before, it is checked against its hash, which takes about 30 ms of a processor and 64 MiB. Five modules keep
//! that affordable:
//!
//! - `workers`: hashes run on a few dedicated threads.
//! - `queue`: prefixes take turns, and so do tenants that create keys.
//! - `prefix_budget`: each prefix has a maximum rate of hashes.
//! - `single_flight`: concurrent callers that present the same key share one hash.
//! - `verified_cache`: a key that matched before needs no hash.

mod argon2id;
mod digest;
mod hasher;
mod prefix_budget;
mod queue;
mod single_flight;
mod verified_cache;
mod workers;

use argon2id::ARGON2_OUTPUT_BYTES;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt;
use tenant_registry_contract::types::{ApiKeyPlaintext, ApiKeyPrefix, ConstraintError};
use thiserror::Error;

pub use digest::{DigestKeys, DigestKeysError, StoredDigest};
pub use hasher::{ApiKeyHasher, HashCounts, HashLimits, HashOwner};
pub use prefix_budget::PrefixBudget;

/// The prefix of every plaintext. It must never change: keys in use have it, and secret scanners look for it.
const PLAINTEXT_MARK: &str = "bp_";

/// The number of random bytes in a plaintext.
const PLAINTEXT_BYTES: usize = 16;

/// The number of characters of a plaintext that are stored as the key's prefix: the mark and 8 more.
const PREFIX_CHARACTERS: usize = 11;

/// The tag of a stored hash. It names the algorithm and its parameters, so that they can change while old keys stay valid.
const ARGON2ID_TAG: &str = "argon2id";

const SALT_BYTES: usize = 16;

/// Why a key could not be generated, hashed or checked. No variant contains a secret.
#[derive(Clone, Debug, Error)]
pub enum HashError {
    /// Too many requests wait for a hash, in total, for keys of this prefix, for this tenant or for this caller.
    #[error("the hash queue is full")]
    QueueFull,
    /// Keys of this prefix were hashed too often recently.
    #[error("too many keys of this prefix were checked recently")]
    OverBudget,
    /// The stored hash has a tag that this build does not support.
    #[error("a stored hash has an unknown tag")]
    UnknownTag,
    /// The stored hash does not have the form that its tag requires.
    #[error("a stored hash is malformed")]
    Malformed,
    /// Argon2 rejected its parameters.
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
    /// The operating system returned no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// A generated key violates the spec.
    #[error("a generated key violates the spec: {0}")]
    Constraint(#[from] ConstraintError),
    /// The hashing threads are not running.
    #[error("the hashing threads stopped")]
    Stopped,
}

/// A hash as it is stored: `argon2id|<salt>|<hash>`, both parts in unpadded standard base64.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

impl StoredHash {
    /// Wraps the text from a store. It is parsed when a key is checked against it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store. Use it for nothing else.
    pub fn to_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredHash(***)")
    }
}

/// Generates a plaintext: `bp_` and 16 random bytes in URL-safe base64.
///
/// # Errors
/// Fails if the operating system returns no random bytes.
pub fn generate_plaintext() -> Result<ApiKeyPlaintext, HashError> {
    let bytes = random_bytes::<PLAINTEXT_BYTES>()?;
    let text = format!("{PLAINTEXT_MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
    Ok(ApiKeyPlaintext::try_from(text)?)
}

/// Returns the part of a plaintext that is stored and shown.
///
/// # Errors
/// Fails if the spec's pattern for prefixes no longer fits the start of its pattern for plaintexts.
pub fn prefix(plaintext: &ApiKeyPlaintext) -> Result<ApiKeyPrefix, ConstraintError> {
    let text = plaintext.expose_secret();
    ApiKeyPrefix::try_from(text.get(..PREFIX_CHARACTERS).unwrap_or_default())
}

/// A parsed stored hash. Each value has exactly one text.
pub struct Argon2idHash {
    salt: Vec<u8>,
    hash: [u8; ARGON2_OUTPUT_BYTES],
}

impl Argon2idHash {
    /// Parses the text.
    ///
    /// # Errors
    /// Fails if the tag is unknown or the parts do not have the form it requires.
    pub fn read(stored: &StoredHash) -> Result<Self, HashError> {
        let mut parts = stored.0.split('|');
        if parts.next() != Some(ARGON2ID_TAG) {
            return Err(HashError::UnknownTag);
        }
        let (Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(HashError::Malformed);
        };
        let decode = |part| STANDARD_NO_PAD.decode(part).map_err(|_| HashError::Malformed);
        Ok(Self {
            salt: decode(salt)?,
            hash: decode(hash)?.try_into().map_err(|_| HashError::Malformed)?,
        })
    }

    /// Formats the hash for storage.
    pub fn to_stored_hash(&self) -> StoredHash {
        StoredHash(format!(
            "{ARGON2ID_TAG}|{}|{}",
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(self.hash)
        ))
    }
}

fn random_bytes<const N: usize>() -> Result<[u8; N], HashError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(HashError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenant_registry_contract::types::ApiKeyId;
    use uuid::Uuid;

    fn hasher() -> ApiKeyHasher {
        let limits = HashLimits {
            max_running: 1,
            max_waiting: 0,
            cached_keys: 1,
            prefix_budget: PrefixBudget::default(),
        };
        ApiKeyHasher::new(limits, DigestKeys::default()).unwrap()
    }

    fn owner() -> HashOwner {
        HashOwner {
            tenant_id: Uuid::now_v7().into(),
            caller: None,
        }
    }

    fn id() -> ApiKeyId {
        Uuid::now_v7().into()
    }

    #[test]
    fn plaintexts_are_unique_and_start_with_their_prefix() {
        let (one, other) = (generate_plaintext().unwrap(), generate_plaintext().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert_eq!(one.expose_secret().len(), 25);
        let prefix = prefix(&one).unwrap();
        assert!(one.expose_secret().starts_with(prefix.as_str()));
    }

    #[tokio::test]
    async fn a_hash_matches_only_its_plaintext() {
        let hasher = hasher();
        let plaintext = generate_plaintext().unwrap();
        let stored = hasher.hash(owner(), plaintext.clone()).await.unwrap();
        assert!(hasher.matches(owner(), id(), &stored, &plaintext).await.unwrap());
        let other = generate_plaintext().unwrap();
        assert!(!hasher.matches(owner(), id(), &stored, &other).await.unwrap());
        assert_ne!(
            stored,
            hasher.hash(owner(), plaintext).await.unwrap(),
            "each hash has its own salt"
        );
    }

    /// The expected hash comes from argon2-cffi, the Python bindings of the reference implementation.
    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_matches() {
        let plaintext = ApiKeyPlaintext::try_from("bp_Zm9vYmFyYmF6cXV4MTIzNA").unwrap();
        let stored = StoredHash::from_stored(
            "argon2id|8PHy8/T19vf4+fr7/P3+/w|6gMaLPqPOoWOFyMm4rkvelbmzMluJYNtL1/VQmEXjpg".to_owned(),
        );
        assert!(hasher().matches(owner(), id(), &stored, &plaintext).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_tag_or_a_malformed_hash_is_an_error() {
        let plaintext = generate_plaintext().unwrap();
        let error = async |text: &str| {
            let stored = StoredHash::from_stored(text.to_owned());
            hasher().matches(owner(), id(), &stored, &plaintext).await.unwrap_err()
        };
        assert!(matches!(error("argon2d|AAAAAAAAAAA|AAAA").await, HashError::UnknownTag));
        assert!(matches!(error("").await, HashError::UnknownTag));
        assert!(matches!(error("argon2id|AAAAAAAAAAA").await, HashError::Malformed));
        assert!(matches!(error("argon2id|AAAAAAAAAAA|AAAA").await, HashError::Malformed));
        assert!(matches!(error("argon2id|*|AAAA").await, HashError::Malformed));
        assert!(matches!(error("argon2id|AAAA|AAAA|AAAA").await, HashError::Malformed));
    }

    #[test]
    fn debug_shows_no_hash() {
        let stored = StoredHash::from_stored("argon2id|c2FsdHNhbHQ|aGFzaA".to_owned());
        assert_eq!(format!("{stored:?}"), "StoredHash(***)");
    }
}
