//! Hashes new keys, and checks presented keys against stored hashes.

use super::argon2id::{Memory, argon2id};
use super::prefix_budget::PrefixBudget;
use super::queue::FairQueue;
use super::single_flight::SingleFlight;
use super::verified_cache::VerifiedCache;
use super::workers::{self, HashLane, Queue, SendResult};
use super::{Argon2idHash, DigestKeys, HashError, SALT_BYTES, StoredDigest, StoredHash, prefix, random_bytes};
use crate::limits::{KeyedLimiter, NoShare, Shares, Taken};
use crate::telemetry::traces::span::inside;
use opentelemetry::trace::SpanKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tenant_registry_contract::types::{ActorId, ApiKeyId, ApiKeyPlaintext, ApiKeyPrefix, TenantId};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// The delay before a key is rejected because its prefix is over budget. Rejecting without a hash is fast; without the
/// delay, a client that guesses secrets could send its next guess sooner.
const OVER_BUDGET_DELAY: Duration = Duration::from_millis(100);

/// Limits of the hasher. It uses at most `max_running` × 64 MiB, and the cache.
#[derive(Clone, Copy, Debug)]
pub struct HashLimits {
    /// The maximum number of hashes that run at once.
    pub max_running: usize,
    /// The maximum number of requests that wait for a hash. The keys of one prefix can use a quarter of it.
    pub max_waiting: usize,
    /// The maximum number of keys in the cache of confirmed matches, at about 100 bytes each.
    pub cached_keys: usize,
    /// How often secrets are hashed for the keys of one prefix.
    pub prefix_budget: PrefixBudget,
}

/// What the hasher has done since it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCounts {
    /// Hashes that were computed.
    pub computed: u64,
    /// Checks that were cache hits.
    pub cache_hits: u64,
    /// Callers that were rejected because the queue was full, or their share of it.
    pub rejected: u64,
    /// Callers that were rejected because the prefix of their key was over budget.
    pub over_budget: u64,
    /// Callers that wait for a hash, or whose hash is running, right now.
    pub waiting: usize,
}

/// The tenant and the caller that need a hash. Each has a share of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashOwner {
    /// The tenant of the key.
    pub tenant_id: TenantId,
    /// The caller who needs the hash. `None` if the service runs without authentication.
    pub caller: Option<ActorId>,
}

/// Computes hashes on dedicated threads. Clones share the threads, the queue and the cache.
#[derive(Clone)]
pub struct ApiKeyHasher(Arc<Shared>);

struct Shared {
    digest_keys: DigestKeys,
    queue: Arc<Queue>,
    of_tenants: Arc<Shares<TenantId>>,
    of_callers: Arc<Shares<ActorId>>,
    budget: KeyedLimiter<ApiKeyPrefix>,
    verified: VerifiedCache,
    in_flight: SingleFlight,
    computed: Arc<AtomicU64>,
    cache_hits: AtomicU64,
    rejected: AtomicU64,
    over_budget: AtomicU64,
}

/// A slot of the queue, from the shares of a tenant and of a caller.
type TakenSlot = (Taken<TenantId>, Option<Taken<ActorId>>);

impl Shared {
    fn take(&self, owner: HashOwner) -> Result<TakenSlot, NoShare> {
        let HashOwner { tenant_id, caller } = owner;
        let of_caller = caller.map(|caller| self.of_callers.take(caller, 1)).transpose()?;
        Ok((self.of_tenants.take(tenant_id, 1)?, of_caller))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl ApiKeyHasher {
    /// Creates a hasher and starts its threads.
    ///
    /// # Errors
    /// Fails if the threads cannot be started, or if the operating system returns no random bytes.
    pub fn new(limits: HashLimits, digest_keys: DigestKeys) -> Result<Self, HashError> {
        let HashLimits {
            max_running,
            max_waiting,
            cached_keys,
            prefix_budget,
        } = limits;
        let capacity = max_running.saturating_add(max_waiting);
        let queue = Arc::new(FairQueue::new(capacity, (max_waiting / 4).max(1)));
        workers::start(max_running, &queue).map_err(|_| HashError::Stopped)?;
        Ok(Self(Arc::new(Shared {
            digest_keys,
            queue,
            of_tenants: Arc::new(Shares::new(capacity)),
            of_callers: Arc::new(Shares::new(capacity)),
            budget: prefix_budget.limiter(),
            verified: VerifiedCache::new(cached_keys)?,
            in_flight: SingleFlight::default(),
            computed: Arc::default(),
            cache_hits: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            over_budget: AtomicU64::new(0),
        })))
    }

    /// Hashes the plaintext of a new key with a new salt, for storing. Tenants take turns.
    ///
    /// # Errors
    /// Returns [`HashError::QueueFull`] at once if there is no room in the queue, or in the owner's share of it.
    pub async fn hash(&self, owner: HashOwner, plaintext: ApiKeyPlaintext) -> Result<StoredHash, HashError> {
        let salt = random_bytes::<SALT_BYTES>()?.to_vec();
        let lane = HashLane::Create(owner.tenant_id);
        let hash = in_span(pin!(self.argon2id(lane, owner, plaintext, salt.clone()))).await?;
        Ok(Argon2idHash { salt, hash }.to_stored_hash())
    }

    /// Makes the digest of a key for storing, if the deployment has a key for it.
    pub fn digest(&self, id: ApiKeyId, plaintext: &ApiKeyPlaintext) -> Option<StoredDigest> {
        self.0.digest_keys.digest(id, plaintext)
    }

    /// Makes the digest of a key that has none, or whose digest was made with another key than new ones are.
    pub fn new_digest(
        &self,
        id: ApiKeyId,
        stored: Option<&StoredDigest>,
        plaintext: &ApiKeyPlaintext,
    ) -> Option<StoredDigest> {
        if stored.is_some_and(|stored| self.0.digest_keys.is_current(stored)) {
            return None;
        }
        self.digest(id, plaintext)
    }

    /// Returns whether this plaintext matches this key, as far as its digest or the cache tell. `None` means unknown: call
    /// [`ApiKeyHasher::matches`].
    pub fn matches_without_hash(
        &self,
        id: ApiKeyId,
        stored: &StoredHash,
        digest: Option<&StoredDigest>,
        plaintext: &ApiKeyPlaintext,
    ) -> Option<bool> {
        if let Some(matches) = digest.and_then(|digest| self.0.digest_keys.matches(id, digest, plaintext)) {
            return Some(matches);
        }
        let verified = &self.0.verified;
        if !verified.contains(&verified.digest(id, stored, plaintext)) {
            return None;
        }
        self.0.cache_hits.fetch_add(1, Ordering::Relaxed);
        Some(true)
    }

    /// Returns whether the stored hash of this key is the hash of this plaintext. The time it takes does not depend on how
    /// much of the plaintext is right. Each call computes a hash; concurrent calls with the same arguments share one.
    ///
    /// # Errors
    /// Returns [`HashError::QueueFull`] at once if there is no room in the queue or in the owner's share of it,
    /// [`HashError::OverBudget`] after a delay if keys of this prefix were hashed too often, and other errors if the stored
    /// hash cannot be read.
    pub async fn matches(
        &self,
        owner: HashOwner,
        id: ApiKeyId,
        stored: &StoredHash,
        plaintext: &ApiKeyPlaintext,
    ) -> Result<bool, HashError> {
        let digest = self.0.verified.digest(id, stored, plaintext);
        let compute = async {
            let Argon2idHash { salt, hash } = Argon2idHash::read(stored)?;
            let prefix = prefix(plaintext)?;
            if !self.0.budget.try_acquire(&prefix) {
                self.0.over_budget.fetch_add(1, Ordering::Relaxed);
                sleep(OVER_BUDGET_DELAY).await;
                return Err(HashError::OverBudget);
            }
            let lane = HashLane::Check(prefix);
            let computed = self.argon2id(lane, owner, plaintext.clone(), salt).await?;
            Ok(computed.ct_eq(&hash).into())
        };
        let matches = in_span(pin!(self.0.in_flight.run(digest, compute))).await?;
        if matches {
            self.0.verified.insert(digest);
        }
        Ok(matches)
    }

    /// Returns what the hasher has done so far.
    pub fn counts(&self) -> HashCounts {
        HashCounts {
            computed: self.0.computed.load(Ordering::Relaxed),
            cache_hits: self.0.cache_hits.load(Ordering::Relaxed),
            rejected: self.0.rejected.load(Ordering::Relaxed),
            over_budget: self.0.over_budget.load(Ordering::Relaxed),
            waiting: self.0.queue.len(),
        }
    }

    /// Queues a hash, and waits for it.
    async fn argon2id(
        &self,
        lane: HashLane,
        owner: HashOwner,
        plaintext: ApiKeyPlaintext,
        salt: Vec<u8>,
    ) -> Result<[u8; 32], HashError> {
        let Ok(taken) = self.0.take(owner) else {
            return Err(self.rejected());
        };
        let (sender, receiver) = oneshot::channel();
        let counter = Arc::clone(&self.0.computed);
        let job = Box::new(move |memory: &mut Memory| -> SendResult {
            // Returned when the hash is computed, before the caller learns of it.
            let _taken = taken;
            // The caller may have gone away.
            if sender.is_closed() {
                return Box::new(|| ());
            }
            let hash = argon2id(&plaintext, &salt, memory);
            counter.fetch_add(1, Ordering::Relaxed);
            Box::new(move || {
                let _ = sender.send(hash);
            })
        });
        if self.0.queue.push(lane, job).is_err() {
            return Err(self.rejected());
        }
        receiver.await.map_err(|_| HashError::Stopped)?
    }

    fn rejected(&self) -> HashError {
        self.0.rejected.fetch_add(1, Ordering::Relaxed);
        HashError::QueueFull
    }
}

/// Traces the wait for a hash, including the time in the queue.
async fn in_span<T>(hash: Pin<&mut impl Future<Output = Result<T, HashError>>>) -> Result<T, HashError> {
    inside("argon2id", SpanKind::Internal, &[], hash).await
}

#[cfg(test)]
mod tests {
    use super::super::{DigestKeys, StoredHash, generate_plaintext};
    use super::{ApiKeyHasher, HashError, HashLimits, HashOwner, PrefixBudget};
    use std::iter;
    use tenant_registry_contract::types::{ActorId, ApiKeyId, ApiKeyPlaintext};
    use uuid::Uuid;

    fn hasher(max_running: usize, max_waiting: usize) -> ApiKeyHasher {
        let limits = HashLimits {
            max_running,
            max_waiting,
            cached_keys: 100,
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

    async fn key(hasher: &ApiKeyHasher) -> (ApiKeyId, StoredHash, ApiKeyPlaintext) {
        let plaintext = generate_plaintext().unwrap();
        let stored = hasher.hash(owner(), plaintext.clone()).await.unwrap();
        (Uuid::now_v7().into(), stored, plaintext)
    }

    fn has_matched(hasher: &ApiKeyHasher, id: ApiKeyId, stored: &StoredHash, plaintext: &ApiKeyPlaintext) -> bool {
        hasher.matches_without_hash(id, stored, None, plaintext).is_some()
    }

    #[tokio::test]
    async fn a_full_queue_rejects_callers_at_once() {
        let full = hasher(0, 0);
        let error = full.hash(owner(), generate_plaintext().unwrap()).await.unwrap_err();
        assert!(matches!(error, HashError::QueueFull));
        assert_eq!(full.counts().rejected, 1);
    }

    #[test]
    fn a_tenant_and_a_caller_leave_room_in_the_queue() {
        let hasher = hasher(0, 32);
        let take_all = |owner: &HashOwner| iter::from_fn(|| hasher.0.take(owner.clone()).ok()).collect::<Vec<_>>();
        let of = |name: &str| HashOwner {
            caller: Some(ActorId::try_from(name).unwrap()),
            ..owner()
        };
        let busy = of("busy");
        let taken = take_all(&busy);
        assert_eq!(taken.len(), 30);
        let same_tenant = HashOwner {
            caller: of("other").caller,
            ..busy.clone()
        };
        let same_caller = HashOwner {
            caller: busy.caller,
            ..owner()
        };
        assert!(hasher.0.take(same_tenant).is_err() && hasher.0.take(same_caller).is_err());
        assert_eq!(take_all(&of("other")).len(), 2);
        drop(taken);
        assert_eq!(take_all(&of("other")).len(), 30);
    }

    #[tokio::test]
    async fn a_computed_hash_leaves_the_share_of_its_owner() {
        let hasher = hasher(1, 0);
        let owner = owner();
        for _ in 0..3 {
            hasher.hash(owner.clone(), generate_plaintext().unwrap()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn concurrent_calls_with_the_same_arguments_share_one_hash() {
        let hasher = hasher(2, 8);
        let (id, stored, plaintext) = key(&hasher).await;
        let before = hasher.counts().computed;
        let calls = (0..20).map(|_| hasher.matches(owner(), id, &stored, &plaintext));
        for matches in futures_util::future::join_all(calls).await {
            assert!(matches.unwrap());
        }
        assert_eq!(hasher.counts().computed, before + 1);

        let wrong = generate_plaintext().unwrap();
        let calls = (0..20).map(|_| hasher.matches(owner(), id, &stored, &wrong));
        for matches in futures_util::future::join_all(calls).await {
            assert!(!matches.unwrap());
        }
        assert_eq!(hasher.counts().computed, before + 2);
    }

    #[tokio::test]
    async fn a_match_is_cached_only_for_this_key_hash_and_plaintext() {
        let hasher = hasher(1, 8);
        let (id, stored, plaintext) = key(&hasher).await;
        assert!(
            !has_matched(&hasher, id, &stored, &plaintext),
            "the cache is empty at first"
        );
        assert!(hasher.matches(owner(), id, &stored, &plaintext).await.unwrap());
        assert!(has_matched(&hasher, id, &stored, &plaintext));
        assert!(!has_matched(&hasher, Uuid::now_v7().into(), &stored, &plaintext));
        assert!(!has_matched(&hasher, id, &stored, &generate_plaintext().unwrap()));
        let other = hasher.hash(owner(), plaintext.clone()).await.unwrap();
        assert!(
            !has_matched(&hasher, id, &other, &plaintext),
            "the same plaintext with another salt"
        );
    }

    #[tokio::test]
    async fn mismatches_are_not_cached() {
        let hasher = hasher(1, 8);
        let (id, stored, _) = key(&hasher).await;
        let wrong = generate_plaintext().unwrap();
        for _ in 0..2 {
            let before = hasher.counts().computed;
            assert!(!hasher.matches(owner(), id, &stored, &wrong).await.unwrap());
            assert!(!has_matched(&hasher, id, &stored, &wrong));
            assert_eq!(hasher.counts().computed, before + 1);
        }
    }

    #[tokio::test]
    async fn the_cache_is_bounded() {
        let limits = HashLimits {
            max_running: 0,
            max_waiting: 0,
            cached_keys: 50,
            prefix_budget: PrefixBudget::default(),
        };
        let hasher = ApiKeyHasher::new(limits, DigestKeys::default()).unwrap();
        let (stored, plaintext) = (StoredHash::from_stored(String::new()), generate_plaintext().unwrap());
        let ids: Vec<ApiKeyId> = (0..1000).map(|_| Uuid::now_v7().into()).collect();
        for id in &ids {
            let verified = &hasher.0.verified;
            verified.insert(verified.digest(*id, &stored, &plaintext));
        }
        let cached = ids.iter().filter(|id| has_matched(&hasher, **id, &stored, &plaintext));
        assert!((1..=50).contains(&cached.count()));
    }
}
