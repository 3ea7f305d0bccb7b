//! Which plaintexts have matched which keys, so that a key that is used all the time is hashed once.
//!
//! What is remembered is that argon2 said yes; whether the key may be used is asked of the store each time. It is kept as
//! a digest over the key's id, its stored hash and the plaintext, under a random key of this process: not a plaintext,
//! nothing that could be tried out without the process's own memory, and nothing about what did not match.

use super::{HashError, StoredHash, random_bytes};
use blake2::Blake2sMac256;
use blake2::digest::{KeyInit, Mac};
use quick_cache::sync::Cache;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
use uuid::Uuid;

const DIGEST_BYTES: usize = 32;

/// A key, its stored hash and a plaintext, as one unforgeable value. Comparing it takes time that depends on digests
/// alone, which nobody can aim at without the process's key.
pub(super) type Digest = [u8; DIGEST_BYTES];

/// The bounded memory of a process.
pub(super) struct Remembered {
    digest: Blake2sMac256,
    matched: Cache<Digest, ()>,
}

impl Remembered {
    /// Room for so many keys, some 100 bytes each; those that were used least recently and least often make room.
    pub(super) fn new(keys: usize) -> Result<Self, HashError> {
        let secret = random_bytes::<DIGEST_BYTES>()?;
        Ok(Self {
            digest: Blake2sMac256::new(&secret.into()),
            matched: Cache::new(keys),
        })
    }

    pub(super) fn digest(&self, id: ApiKeyId, stored: &StoredHash, plaintext: &ApiKeyPlaintext) -> Digest {
        let mut digest = self.digest.clone();
        digest.update(Uuid::from(id).as_bytes());
        // The plaintext has one length, so that no two inputs run together to the same bytes.
        digest.update(plaintext.expose_secret().as_bytes());
        digest.update(stored.to_stored().as_bytes());
        digest.finalize().into_bytes().into()
    }

    pub(super) fn has_matched(&self, digest: &Digest) -> bool {
        self.matched.get(digest).is_some()
    }

    pub(super) fn remember(&self, digest: Digest) {
        self.matched.insert(digest, ());
    }
}
