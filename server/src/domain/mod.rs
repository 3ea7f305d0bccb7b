//! The rules of the registry, above the stores.

pub mod api_key_use;
pub mod api_key_verification;
pub mod api_keys;
pub mod audit;
pub mod audit_distribute;
pub mod audit_prune;
pub mod caller;
pub mod catalog;
mod changes;
pub mod clock;
mod cursor;
pub mod entitlements;
pub mod error;
mod idempotency;
pub mod origin;
mod page_bytes;
pub mod projects;
mod readiness;
mod service_event;
pub mod tenants;

use crate::api_key_hash::{ApiKeyHasher, HashCounts};
use crate::records::{ConnectionCounts, PageReadCounts};
use crate::store::Store;
use api_key_use::ApiKeyUses;
use catalog::Catalog;
use clock::Clock;
use error::Failure;
use readiness::Readiness;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The registry: the rules with their store, catalog, clock and hasher.
pub struct Registry<S> {
    store: S,
    catalog: Catalog,
    clock: Clock,
    hasher: ApiKeyHasher,
    api_key_uses: ApiKeyUses,
    readiness: Readiness,
    /// Wakes the task that removes the tenant from audit events.
    tenant_deleted: Notify,
}

impl<S: Store> Registry<S> {
    /// Creates a registry on a store.
    pub fn new(store: S, catalog: Catalog, clock: Clock, hasher: ApiKeyHasher) -> Self {
        Self {
            store,
            catalog,
            clock,
            hasher,
            api_key_uses: ApiKeyUses::default(),
            readiness: Readiness::default(),
            tenant_deleted: Notify::new(),
        }
    }

    /// Returns the counts of the hasher.
    pub fn hash_counts(&self) -> HashCounts {
        self.hasher.counts()
    }

    /// Returns the counts of each of the store's connection pools. The in-memory store has none.
    pub fn connections(&self) -> Vec<ConnectionCounts> {
        self.store.connections()
    }

    /// Returns how long the store may still use the primary of its database. `None` if that is not limited.
    pub fn lease_left(&self) -> Option<Duration> {
        self.store.lease_left()
    }

    /// Returns where pages of lists were read. `None` if the store has no standbys.
    pub fn page_reads(&self) -> Option<PageReadCounts> {
        self.store.page_reads()
    }

    /// Checks that the registry can serve requests. The result is up to a second old.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn readiness_get(&self) -> Result<(), Failure> {
        let ask = async || Ok(self.store.ping().await?);
        self.readiness.get(Instant::now(), ask).await
    }
}
