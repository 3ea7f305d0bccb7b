//! API keys as secrets: how a plaintext is made, what is stored in its place, and how the two are held together.
//!
//! The only place that knows argon2. A plaintext goes in and out as `ApiKeyPlaintext`, whose `Debug` shows nothing.
//!
//! A hash costs some 30 ms of a processor and 64 MiB. So it is computed on a few threads of its own (`workers`), which
//! take turns among prefixes (`queue`), so often for one prefix and no oftener (`budget`), once for callers that ask the
//! same at once (`flights`), and not again for a key that is remembered to have matched (`remembered`).

mod argon2id;
mod budget;
mod flights;
mod hasher;
mod queue;
mod remembered;
mod workers;

use argon2id::ARGON2_OUTPUT_BYTES;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt;
use tenant_registry_contract::types::{ApiKeyPlaintext, ApiKeyPrefix, ConstraintError};
use thiserror::Error;

pub use budget::PrefixBudget;
pub use hasher::{ApiKeyHasher, HashCounts, HashLimits};

/// What every plaintext begins with. It must never change: keys in use carry it, and scanners look for it.
const PLAINTEXT_MARK: &str = "bp_";

/// Random bytes in a plaintext.
const PLAINTEXT_BYTES: usize = 16;

/// Characters of the plaintext that are stored as its prefix: the mark and 8 more.
const PREFIX_CHARACTERS: usize = 11;

/// Says how the rest of a stored hash is to be read, so that other parameters can come without new keys.
const ARGON2ID_TAG: &str = "argon2id";

const SALT_BYTES: usize = 16;

/// Why a key could not be made, hashed or held against a hash. No variant carries a secret.
#[derive(Clone, Debug, Error)]
pub enum HashError {
    /// As many callers as are let in wait already, in all or with keys of the same prefix.
    #[error("no room to hash: too many wait")]
    NoRoom,
    /// The keys of this prefix were hashed as often lately as they may be.
    #[error("keys of this prefix were tried too often lately")]
    OverBudget,
    /// The stored hash was made in a way that this build does not know.
    #[error("a stored hash has an unknown tag")]
    UnknownTag,
    /// The stored hash is not of the form that its tag promises.
    #[error("a stored hash cannot be read")]
    Unreadable,
    /// Argon2 refused its parameters.
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
    /// The operating system gave no random bytes.
    #[error("the random generator: {0}")]
    Generator(getrandom::Error),
    /// A generated key does not keep the spec.
    #[error("a generated key breaks the spec: {0}")]
    Constraint(#[from] ConstraintError),
    /// The threads that hash are gone.
    #[error("the hashing threads stopped")]
    Stopped,
}

/// `argon2id|<salt>|<hash>`, both parts in unpadded standard base64.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

impl StoredHash {
    /// Takes what a store holds. Whether it can be read shows when a key is held against it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text, for a store alone.
    pub fn to_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredHash(***)")
    }
}

/// A new plaintext: `bp_` and 16 random bytes in URL-safe base64.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn generate_plaintext() -> Result<ApiKeyPlaintext, HashError> {
    let bytes = random_bytes::<PLAINTEXT_BYTES>()?;
    let text = format!("{PLAINTEXT_MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
    Ok(ApiKeyPlaintext::try_from(text)?)
}

/// The part of a plaintext that is stored and shown.
///
/// # Errors
/// When the spec's prefix is no longer the beginning of the spec's plaintext.
pub fn prefix(plaintext: &ApiKeyPlaintext) -> Result<ApiKeyPrefix, ConstraintError> {
    let text = plaintext.expose_secret();
    ApiKeyPrefix::try_from(text.get(..PREFIX_CHARACTERS).unwrap_or_default())
}

/// A stored hash, read. It has one text alone.
pub struct Argon2idHash {
    salt: Vec<u8>,
    hash: [u8; ARGON2_OUTPUT_BYTES],
}

impl Argon2idHash {
    /// Takes the text apart.
    ///
    /// # Errors
    /// Another tag than argon2id's, or parts that are not as it promises.
    pub fn read(stored: &StoredHash) -> Result<Self, HashError> {
        let mut parts = stored.0.split('|');
        if parts.next() != Some(ARGON2ID_TAG) {
            return Err(HashError::UnknownTag);
        }
        let (Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(HashError::Unreadable);
        };
        let decode = |part| STANDARD_NO_PAD.decode(part).map_err(|_| HashError::Unreadable);
        Ok(Self {
            salt: decode(salt)?,
            hash: decode(hash)?.try_into().map_err(|_| HashError::Unreadable)?,
        })
    }

    /// The text, to be stored.
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
    getrandom::fill(&mut bytes).map_err(HashError::Generator)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenant_registry_contract::types::ApiKeyId;
    use uuid::Uuid;

    fn hasher() -> ApiKeyHasher {
        ApiKeyHasher::new(HashLimits {
            running: 1,
            waiting: 0,
            remembered: 1,
            prefix_budget: PrefixBudget::default(),
        })
        .unwrap()
    }

    fn id() -> ApiKeyId {
        Uuid::now_v7().into()
    }

    #[test]
    fn plaintexts_differ_and_their_prefix_is_their_beginning() {
        let (one, other) = (generate_plaintext().unwrap(), generate_plaintext().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert_eq!(one.expose_secret().len(), 25);
        let prefix = prefix(&one).unwrap();
        assert!(one.expose_secret().starts_with(prefix.as_str()));
    }

    #[tokio::test]
    async fn a_hash_matches_its_plaintext_alone() {
        let hasher = hasher();
        let plaintext = generate_plaintext().unwrap();
        let stored = hasher.hash(plaintext.clone()).await.unwrap();
        assert!(hasher.matches(id(), &stored, &plaintext).await.unwrap());
        let other = generate_plaintext().unwrap();
        assert!(!hasher.matches(id(), &stored, &other).await.unwrap());
        assert_ne!(
            stored,
            hasher.hash(plaintext).await.unwrap(),
            "each hash has its own salt"
        );
    }

    /// Made by the reference implementation's bindings for Python (argon2-cffi), with the parameters of the domain page.
    #[tokio::test]
    async fn the_stored_form_is_the_agreed_one() {
        let plaintext = ApiKeyPlaintext::try_from("bp_Zm9vYmFyYmF6cXV4MTIzNA").unwrap();
        let stored = StoredHash::from_stored(
            "argon2id|8PHy8/T19vf4+fr7/P3+/w|6gMaLPqPOoWOFyMm4rkvelbmzMluJYNtL1/VQmEXjpg".to_owned(),
        );
        assert!(hasher().matches(id(), &stored, &plaintext).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_tag_or_a_broken_hash_is_an_error_and_never_a_match() {
        let plaintext = generate_plaintext().unwrap();
        let refused = async |text: &str| {
            let stored = StoredHash::from_stored(text.to_owned());
            hasher().matches(id(), &stored, &plaintext).await.unwrap_err()
        };
        assert!(matches!(
            refused("argon2d|AAAAAAAAAAA|AAAA").await,
            HashError::UnknownTag
        ));
        assert!(matches!(refused("").await, HashError::UnknownTag));
        assert!(matches!(refused("argon2id|AAAAAAAAAAA").await, HashError::Unreadable));
        assert!(matches!(
            refused("argon2id|AAAAAAAAAAA|AAAA").await,
            HashError::Unreadable
        ));
        assert!(matches!(refused("argon2id|*|AAAA").await, HashError::Unreadable));
        assert!(matches!(
            refused("argon2id|AAAA|AAAA|AAAA").await,
            HashError::Unreadable
        ));
    }

    #[test]
    fn debug_shows_no_hash() {
        let stored = StoredHash::from_stored("argon2id|c2FsdHNhbHQ|aGFzaA".to_owned());
        assert_eq!(format!("{stored:?}"), "StoredHash(***)");
    }
}
