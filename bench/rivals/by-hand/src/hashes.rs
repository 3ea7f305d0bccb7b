//! The hashes of API keys. A match is remembered, so that a key in use is hashed once.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::thread::available_parallelism;
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use uuid::Uuid;

const MEMORY_KIB: u32 = 64 * 1024;
const ITERATIONS: u32 = 1;
const LANES: u32 = 4;
const OUTPUT_BYTES: usize = 32;

/// The number of keys that are remembered.
const REMEMBERED: u64 = 100_000;

#[derive(Debug, Error)]
pub enum HashError {
    #[error("the stored hash of the API key {0} is not `argon2id|<salt>|<hash>`")]
    Unknown(Uuid),
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
    #[error("the hash did not end")]
    Ended,
}

#[derive(Clone)]
pub struct Hashes {
    argon2: Argon2<'static>,
    /// Digests of the ids and plaintexts of keys that matched.
    matched: Cache<[u8; 32], ()>,
    /// A hash takes 64 MiB and a processor.
    permits: Arc<Semaphore>,
}

impl Hashes {
    pub fn new() -> Result<Self, HashError> {
        let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(OUTPUT_BYTES)).map_err(HashError::Argon2)?;
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            matched: Cache::new(REMEMBERED),
            permits: Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))),
        })
    }

    /// Whether the key with this id and stored hash has this plaintext.
    pub async fn matches(&self, id: Uuid, stored: &str, plaintext: &str) -> Result<bool, HashError> {
        let digest: [u8; 32] = Sha256::new().chain_update(id).chain_update(plaintext).finalize().into();
        if self.matched.contains_key(&digest) {
            return Ok(true);
        }
        let (salt, hash) = parse(stored).ok_or(HashError::Unknown(id))?;
        let (argon2, plaintext) = (self.argon2.clone(), plaintext.to_owned());
        let _permit = self.permits.acquire().await.map_err(|_| HashError::Ended)?;
        let computed = spawn_blocking(move || {
            let mut output = [0; OUTPUT_BYTES];
            let hashed = argon2.hash_password_into(plaintext.as_bytes(), &salt, &mut output);
            hashed.map(|()| output)
        });
        let computed = computed
            .await
            .map_err(|_| HashError::Ended)?
            .map_err(HashError::Argon2)?;
        let matches = bool::from(computed.ct_eq(&hash));
        if matches {
            self.matched.insert(digest, ());
        }
        Ok(matches)
    }
}

/// The salt and the hash of `argon2id|<salt>|<hash>`.
fn parse(stored: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (salt, hash) = stored.strip_prefix("argon2id|")?.split_once('|')?;
    Some((STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?))
}
