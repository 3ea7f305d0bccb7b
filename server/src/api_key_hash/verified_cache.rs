//! The cache of plaintexts that matched a key, so that a key in constant use is hashed once.
//!
//! An entry means that argon2 confirmed the match, and nothing else. Whether the key may be used is read from the store on
//! every request. The cache holds digests over the key's id, its stored hash and the plaintext
//! ([`crate::digest_cache`]). Mismatches are not cached.

use super::{HashError, StoredHash};
use crate::digest_cache::DigestCache;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
use uuid::Uuid;

pub(super) use crate::digest_cache::Digest;

/// The bounded cache of confirmed matches.
pub(super) struct VerifiedCache(DigestCache<()>);

impl VerifiedCache {
    /// Creates a cache for at most `capacity` keys, at about 100 bytes each.
    pub(super) fn new(capacity: usize) -> Result<Self, HashError> {
        DigestCache::new(capacity).map(Self).map_err(HashError::Random)
    }

    pub(super) fn digest(&self, id: ApiKeyId, stored: &StoredHash, plaintext: &ApiKeyPlaintext) -> Digest {
        // Ids and plaintexts have a fixed length.
        self.0.digest(&[
            Uuid::from(id).as_bytes(),
            plaintext.expose_secret().as_bytes(),
            stored.to_stored().as_bytes(),
        ])
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.0.get(digest).is_some()
    }

    pub(super) fn insert(&self, digest: Digest) {
        self.0.insert(digest, ());
    }
}
