//! Hashing with bounds: a number of hashes at once, a number of callers that wait.

use super::{ARGON2ID_TAG, Argon2idHash, HashError, SALT_BYTES, StoredHash, argon2id, random_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tenant_registry_contract::types::ApiKeyPlaintext;
use tokio::sync::Semaphore;

/// How much is hashed at once. The memory is at most `running` × 64 MiB.
#[derive(Clone, Copy, Debug)]
pub struct HashLimits {
    /// Hashes that run at once.
    pub running: usize,
    /// Callers that may wait for their turn besides.
    pub waiting: usize,
}

/// Hashes on threads of its own, a bounded number at once, with a bounded number of callers waiting.
#[derive(Clone, Debug)]
pub struct ApiKeyHasher {
    /// One for each caller that is let in, running or waiting.
    places: Arc<Semaphore>,
    /// One for each hash that may run. It hands out its permits in the order of asking.
    turns: Arc<Semaphore>,
}

impl ApiKeyHasher {
    /// A hasher with these limits.
    pub fn new(limits: HashLimits) -> Self {
        let HashLimits { running, waiting } = limits;
        Self {
            places: Arc::new(Semaphore::new(
                running.saturating_add(waiting).min(Semaphore::MAX_PERMITS),
            )),
            turns: Arc::new(Semaphore::new(running)),
        }
    }

    /// The hash to store for a plaintext, with a new salt.
    ///
    /// # Errors
    /// [`HashError::NoRoom`] at once when too many wait.
    pub async fn hash(&self, plaintext: ApiKeyPlaintext) -> Result<StoredHash, HashError> {
        let salt = random_bytes::<SALT_BYTES>()?;
        self.in_turn(move || {
            let hash = argon2id(&plaintext, &salt)?;
            Ok(StoredHash(format!(
                "{ARGON2ID_TAG}|{}|{}",
                STANDARD_NO_PAD.encode(salt),
                STANDARD_NO_PAD.encode(hash)
            )))
        })
        .await
    }

    /// Is `stored` the hash of this plaintext? The time taken does not depend on how much of it is right.
    ///
    /// # Errors
    /// [`HashError::NoRoom`] at once when too many wait; a stored hash that cannot be read.
    pub async fn matches(&self, stored: StoredHash, plaintext: ApiKeyPlaintext) -> Result<bool, HashError> {
        let Argon2idHash { salt, hash } = Argon2idHash::read(&stored)?;
        self.in_turn(move || Ok(argon2id(&plaintext, &salt)?.ct_eq(&hash).into()))
            .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::NoRoom)?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Stopped)?;
        let hashing = tokio::task::spawn_blocking(move || {
            // Held here and not by the caller: a caller that went away does not stop the hash, nor free its memory.
            let (_place, _turn) = (place, turn);
            work()
        });
        hashing.await.map_err(|_| HashError::Stopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate_plaintext;
    use super::{ApiKeyHasher, HashError, HashLimits};
    use std::sync::Arc;

    #[tokio::test]
    async fn who_finds_no_place_is_turned_away_at_once() {
        let full = ApiKeyHasher::new(HashLimits { running: 1, waiting: 1 });
        let _places = Arc::clone(&full.places).try_acquire_many_owned(2).unwrap();
        let refused = full.hash(generate_plaintext().unwrap()).await.unwrap_err();
        assert!(matches!(refused, HashError::NoRoom));
    }
}
