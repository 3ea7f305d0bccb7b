//! Which plaintexts have matched which keys, so that a key that is used all the time is hashed once.
//!
//! What is remembered is that argon2 said yes; whether the key may be used is asked of the store each time. It is kept as
//! a digest over the key's id, its stored hash and the plaintext (`keyed_memory`), and nothing about what did not match.

use super::{HashError, StoredHash};
use crate::keyed_memory::KeyedMemory;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
use uuid::Uuid;

/// A key, its stored hash and a plaintext.
pub(super) use crate::keyed_memory::Digest;

/// The bounded memory of a process.
pub(super) struct Remembered(KeyedMemory<()>);

impl Remembered {
    /// Room for so many keys, some 100 bytes each.
    pub(super) fn new(keys: usize) -> Result<Self, HashError> {
        KeyedMemory::new(keys).map(Self).map_err(HashError::Generator)
    }

    pub(super) fn digest(&self, id: ApiKeyId, stored: &StoredHash, plaintext: &ApiKeyPlaintext) -> Digest {
        // Ids and plaintexts have one length each.
        self.0.digest(&[
            Uuid::from(id).as_bytes(),
            plaintext.expose_secret().as_bytes(),
            stored.to_stored().as_bytes(),
        ])
    }

    pub(super) fn has_matched(&self, digest: &Digest) -> bool {
        self.0.recall(digest).is_some()
    }

    pub(super) fn remember(&self, digest: Digest) {
        self.0.remember(digest, ());
    }
}
