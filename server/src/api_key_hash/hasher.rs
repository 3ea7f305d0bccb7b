//! What the rules ask: a hash for a new key, and whether a presented key matches a stored hash.

use super::argon2id::{Memory, argon2id};
use super::budget::{Budget, PrefixBudget};
use super::flights::Flights;
use super::queue::FairQueue;
use super::remembered::Remembered;
use super::workers::{self, Queue, Tell};
use super::{Argon2idHash, HashError, SALT_BYTES, StoredHash, prefix, random_bytes};
use crate::telemetry::traces::span::inside;
use opentelemetry::trace::SpanKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long a caller waits who presents a key of a prefix whose budget is spent. Whoever tries one secret after another is
/// kept from asking all the faster for being refused without a hash.
const OVER_BUDGET_PAUSE: Duration = Duration::from_millis(100);

/// How much is hashed at once. The memory is at most `running` × 64 MiB, and what is remembered.
#[derive(Clone, Copy, Debug)]
pub struct HashLimits {
    /// Hashes that run at once.
    pub running: usize,
    /// Callers that may wait for their turn besides. Of these, the keys of one prefix may take a quarter.
    pub waiting: usize,
    /// Keys of which it is remembered that they matched, some 100 bytes each.
    pub remembered: usize,
    /// How often secrets are hashed to be held against the keys of one prefix.
    pub prefix_budget: PrefixBudget,
}

/// How often the hasher was asked, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCounts {
    /// Hashes that were computed.
    pub hashed: u64,
    /// Questions that what is remembered answered.
    pub remembered: u64,
    /// Callers that found no room.
    pub refused: u64,
    /// Callers that presented a key of a prefix whose budget was spent.
    pub over_budget: u64,
    /// Callers that wait, or whose hash runs, now.
    pub waiting: usize,
}

/// Hashes on threads of its own. Clones share them.
#[derive(Clone)]
pub struct ApiKeyHasher(Arc<Shared>);

struct Shared {
    queue: Arc<Queue>,
    budget: Budget,
    remembered: Remembered,
    flights: Flights,
    hashed: Arc<AtomicU64>,
    answered_from_memory: AtomicU64,
    refused: AtomicU64,
    over_budget: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl ApiKeyHasher {
    /// A hasher with these limits.
    ///
    /// # Errors
    /// When the threads cannot be started, or the operating system gives no random bytes.
    pub fn new(limits: HashLimits) -> Result<Self, HashError> {
        let HashLimits {
            running,
            waiting,
            remembered,
            prefix_budget,
        } = limits;
        let queue = Arc::new(FairQueue::new(running.saturating_add(waiting), (waiting / 4).max(1)));
        workers::start(running, &queue).map_err(|_| HashError::Stopped)?;
        Ok(Self(Arc::new(Shared {
            queue,
            budget: Budget::new(prefix_budget),
            remembered: Remembered::new(remembered)?,
            flights: Flights::default(),
            hashed: Arc::default(),
            answered_from_memory: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            over_budget: AtomicU64::new(0),
        })))
    }

    /// The hash to store for a plaintext, with a new salt.
    ///
    /// # Errors
    /// [`HashError::NoRoom`] at once when too many wait.
    pub async fn hash(&self, plaintext: ApiKeyPlaintext) -> Result<StoredHash, HashError> {
        let salt = random_bytes::<SALT_BYTES>()?.to_vec();
        let hash = in_span(pin!(self.argon2id(plaintext, salt.clone()))).await?;
        Ok(Argon2idHash { salt, hash }.to_stored_hash())
    }

    /// Has this plaintext matched this key before, and has the key the hash that it had then? Says no where it is not
    /// remembered; then [`ApiKeyHasher::matches`] finds out.
    pub fn has_matched(&self, id: ApiKeyId, stored: &StoredHash, plaintext: &ApiKeyPlaintext) -> bool {
        let remembered = &self.0.remembered;
        let has_matched = remembered.has_matched(&remembered.digest(id, stored, plaintext));
        if has_matched {
            self.0.answered_from_memory.fetch_add(1, Ordering::Relaxed);
        }
        has_matched
    }

    /// Is the stored hash of this key that of this plaintext? The time taken does not depend on how much of it is right.
    /// It is computed anew for each who asks, but once for those who ask the same at the same time.
    ///
    /// # Errors
    /// [`HashError::NoRoom`] at once when too many wait, [`HashError::OverBudget`] after a pause when keys of this prefix were
    /// hashed too often; a stored hash that cannot be read.
    pub async fn matches(
        &self,
        id: ApiKeyId,
        stored: &StoredHash,
        plaintext: &ApiKeyPlaintext,
    ) -> Result<bool, HashError> {
        let digest = self.0.remembered.digest(id, stored, plaintext);
        let find = async {
            let Argon2idHash { salt, hash } = Argon2idHash::read(stored)?;
            if !self.0.budget.takes(&prefix(plaintext)?) {
                self.0.over_budget.fetch_add(1, Ordering::Relaxed);
                sleep(OVER_BUDGET_PAUSE).await;
                return Err(HashError::OverBudget);
            }
            let found = self.argon2id(plaintext.clone(), salt).await?;
            Ok(found.ct_eq(&hash).into())
        };
        let matches = in_span(pin!(self.0.flights.share(digest, find))).await?;
        if matches {
            self.0.remembered.remember(digest);
        }
        Ok(matches)
    }

    /// How often it was asked.
    pub fn counts(&self) -> HashCounts {
        HashCounts {
            hashed: self.0.hashed.load(Ordering::Relaxed),
            remembered: self.0.answered_from_memory.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            over_budget: self.0.over_budget.load(Ordering::Relaxed),
            waiting: self.0.queue.len(),
        }
    }

    /// Waits for a turn, in the line of the plaintext's prefix.
    async fn argon2id(&self, plaintext: ApiKeyPlaintext, salt: Vec<u8>) -> Result<[u8; 32], HashError> {
        let line = prefix(&plaintext)?;
        let (answer, answered) = oneshot::channel();
        let hashed = Arc::clone(&self.0.hashed);
        let job = Box::new(move |memory: &mut Memory| -> Tell {
            // Whoever asked may have gone away meanwhile.
            if answer.is_closed() {
                return Box::new(|| ());
            }
            let hash = argon2id(&plaintext, &salt, memory);
            hashed.fetch_add(1, Ordering::Relaxed);
            Box::new(move || {
                let _ = answer.send(hash);
            })
        });
        if self.0.queue.push(line, job).is_err() {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(HashError::NoRoom);
        }
        answered.await.map_err(|_| HashError::Stopped)?
    }
}

/// Waits for a hash, and for the turn of it, under the eyes of whoever traces the request.
async fn in_span<T>(hash: Pin<&mut impl Future<Output = Result<T, HashError>>>) -> Result<T, HashError> {
    inside("argon2id", SpanKind::Internal, &[], hash).await
}

#[cfg(test)]
mod tests {
    use super::super::{StoredHash, generate_plaintext};
    use super::{ApiKeyHasher, HashError, HashLimits, PrefixBudget};
    use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
    use uuid::Uuid;

    fn hasher(running: usize, waiting: usize) -> ApiKeyHasher {
        let remembered = 100;
        ApiKeyHasher::new(HashLimits {
            running,
            waiting,
            remembered,
            prefix_budget: PrefixBudget::default(),
        })
        .unwrap()
    }

    async fn key(hasher: &ApiKeyHasher) -> (ApiKeyId, StoredHash, ApiKeyPlaintext) {
        let plaintext = generate_plaintext().unwrap();
        let stored = hasher.hash(plaintext.clone()).await.unwrap();
        (Uuid::now_v7().into(), stored, plaintext)
    }

    #[tokio::test]
    async fn who_finds_no_place_is_turned_away_at_once() {
        let full = hasher(0, 0);
        let refused = full.hash(generate_plaintext().unwrap()).await.unwrap_err();
        assert!(matches!(refused, HashError::NoRoom));
        assert_eq!(full.counts().refused, 1);
    }

    #[tokio::test]
    async fn those_who_ask_the_same_at_once_share_one_hash() {
        let hasher = hasher(2, 8);
        let (id, stored, plaintext) = key(&hasher).await;
        let before = hasher.counts().hashed;
        let asked = (0..20).map(|_| hasher.matches(id, &stored, &plaintext));
        for answer in futures_util::future::join_all(asked).await {
            assert!(answer.unwrap());
        }
        assert_eq!(hasher.counts().hashed, before + 1);

        let wrong = generate_plaintext().unwrap();
        let asked = (0..20).map(|_| hasher.matches(id, &stored, &wrong));
        for answer in futures_util::future::join_all(asked).await {
            assert!(!answer.unwrap());
        }
        assert_eq!(hasher.counts().hashed, before + 2);
    }

    #[tokio::test]
    async fn a_match_is_remembered_for_this_key_hash_and_plaintext_alone() {
        let hasher = hasher(1, 8);
        let (id, stored, plaintext) = key(&hasher).await;
        assert!(
            !hasher.has_matched(id, &stored, &plaintext),
            "nothing is known before the first"
        );
        assert!(hasher.matches(id, &stored, &plaintext).await.unwrap());
        assert!(hasher.has_matched(id, &stored, &plaintext));
        assert!(!hasher.has_matched(Uuid::now_v7().into(), &stored, &plaintext));
        assert!(!hasher.has_matched(id, &stored, &generate_plaintext().unwrap()));
        let other = hasher.hash(plaintext.clone()).await.unwrap();
        assert!(
            !hasher.has_matched(id, &other, &plaintext),
            "the same plaintext under another salt"
        );
    }

    #[tokio::test]
    async fn what_did_not_match_is_asked_anew() {
        let hasher = hasher(1, 8);
        let (id, stored, _) = key(&hasher).await;
        let wrong = generate_plaintext().unwrap();
        for _ in 0..2 {
            let before = hasher.counts().hashed;
            assert!(!hasher.matches(id, &stored, &wrong).await.unwrap());
            assert!(!hasher.has_matched(id, &stored, &wrong));
            assert_eq!(hasher.counts().hashed, before + 1);
        }
    }

    #[tokio::test]
    async fn what_is_remembered_has_a_bound() {
        let hasher = ApiKeyHasher::new(HashLimits {
            running: 0,
            waiting: 0,
            remembered: 50,
            prefix_budget: PrefixBudget::default(),
        })
        .unwrap();
        let (stored, plaintext) = (StoredHash::from_stored(String::new()), generate_plaintext().unwrap());
        let ids: Vec<ApiKeyId> = (0..1000).map(|_| Uuid::now_v7().into()).collect();
        for id in &ids {
            let remembered = &hasher.0.remembered;
            remembered.remember(remembered.digest(*id, &stored, &plaintext));
        }
        let known = ids.iter().filter(|id| hasher.has_matched(**id, &stored, &plaintext));
        assert!((1..=50).contains(&known.count()));
    }
}
