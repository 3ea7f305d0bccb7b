//! What a process remembers of secrets that it has checked, so that the costly check is made once.
//!
//! A secret is kept as a digest under a random key of this process: not the secret, and nothing that could be tried out
//! without the process's own memory.

use blake2::Blake2sMac256;
use blake2::digest::{KeyInit, Mac};
use quick_cache::sync::Cache;

const DIGEST_BYTES: usize = 32;

/// A secret, and what it was checked for, as one unforgeable value. Comparing it takes time that depends on digests alone,
/// which nobody can aim at without the process's key.
pub(crate) type Digest = [u8; DIGEST_BYTES];

/// The bounded memory of a process, of what was found out about each secret.
pub(crate) struct KeyedMemory<V> {
    digest: Blake2sMac256,
    known: Cache<Digest, V>,
}

impl<V: Clone> KeyedMemory<V> {
    /// Room for so many; those that were used least recently and least often make room.
    pub(crate) fn new(room: usize) -> Result<Self, getrandom::Error> {
        let mut secret = [0; DIGEST_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            digest: Blake2sMac256::new(&secret.into()),
            known: Cache::new(room),
        })
    }

    /// Of the parts one after another: at most one of them may vary in length, or two inputs run together to the same bytes.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut digest = self.digest.clone();
        parts.iter().for_each(|part| digest.update(part));
        digest.finalize().into_bytes().into()
    }

    pub(crate) fn recall(&self, digest: &Digest) -> Option<V> {
        self.known.get(digest)
    }

    pub(crate) fn remember(&self, digest: Digest, value: V) {
        self.known.insert(digest, value);
    }
}
