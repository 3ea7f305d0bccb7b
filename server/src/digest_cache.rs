//! A bounded cache of secrets that were already checked, so that the expensive check runs once.
//!
//! The cache never holds a secret. Its keys are digests under a random key that only this process has, so a copy of them
//! cannot be used to guess secrets.

use blake2::Blake2sMac256;
use blake2::digest::{KeyInit, Mac};
use quick_cache::sync::Cache;

const DIGEST_BYTES: usize = 32;

/// A keyed digest of a secret and of what it was checked against. Comparing digests in variable time is safe: without the
/// process's key, no one can choose an input that produces a given digest.
pub(crate) type Digest = [u8; DIGEST_BYTES];

/// A bounded cache from digests to the result of a check.
pub(crate) struct DigestCache<V> {
    digest: Blake2sMac256,
    entries: Cache<Digest, V>,
}

impl<V: Clone> DigestCache<V> {
    /// Creates a cache of at most `capacity` entries. A full cache evicts entries that are used rarely.
    pub(crate) fn new(capacity: usize) -> Result<Self, getrandom::Error> {
        let mut key = [0; DIGEST_BYTES];
        getrandom::fill(&mut key)?;
        Ok(Self {
            digest: Blake2sMac256::new(&key.into()),
            entries: Cache::new(capacity),
        })
    }

    /// Digests the concatenated parts. At most one part may vary in length; otherwise different parts could concatenate to
    /// the same bytes.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut digest = self.digest.clone();
        parts.iter().for_each(|part| digest.update(part));
        digest.finalize().into_bytes().into()
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<V> {
        self.entries.get(digest)
    }

    pub(crate) fn insert(&self, digest: Digest, value: V) {
        self.entries.insert(digest, value);
    }
}
