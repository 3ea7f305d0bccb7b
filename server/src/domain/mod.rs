//! The rules of the registry, each written once, above whatever stores the records.

pub mod api_key_use;
pub mod api_keys;
pub mod audit;
pub mod caller;
pub mod catalog;
pub mod clock;
pub mod entitlements;
pub mod error;
pub mod origin;
pub mod retention;
mod service_event;
pub mod tenants;

use crate::api_key_hash::{ApiKeyHasher, HashCounts};
use crate::records::ConnectionCounts;
use crate::store::Store;
use api_key_use::ApiKeyUses;
use catalog::Catalog;
use clock::Clock;
use error::Failure;

/// The registry: the rules, and what they need of the world.
pub struct Registry<S> {
    store: S,
    catalog: Catalog,
    clock: Clock,
    hasher: ApiKeyHasher,
    api_key_uses: ApiKeyUses,
}

impl<S: Store> Registry<S> {
    /// A registry on a store, with the deployment's catalog.
    pub fn new(store: S, catalog: Catalog, clock: Clock, hasher: ApiKeyHasher) -> Self {
        Self {
            store,
            catalog,
            clock,
            hasher,
            api_key_uses: ApiKeyUses::default(),
        }
    }

    /// What the hasher did.
    pub fn hash_counts(&self) -> HashCounts {
        self.hasher.counts()
    }

    /// What the store's connections do; none where it needs none.
    pub fn connections(&self) -> Option<ConnectionCounts> {
        self.store.connections()
    }

    /// Can the registry serve?
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn readiness_get(&self) -> Result<(), Failure> {
        Ok(self.store.ping().await?)
    }
}
