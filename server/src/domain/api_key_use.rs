//! The uses of API keys: `last_used_at`, and digests of keys that lack one. They are collected and written in batches, so that
//! no verification waits for a write.

use super::Registry;
use super::error::Failure;
use crate::api_key_hash::StoredDigest;
use crate::records::TenantScope;
use crate::store::{ApiKeyStore, ApiKeyUse, Store};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tenant_registry_contract::types::{ApiKeyId, Timestamp};
use tokio::sync::Notify;

/// Maximum number of keys with an unwritten use, about 4 MiB, and 12 MiB if all of them get a digest. The use of a further key
/// is not recorded.
const MAX_KEYS: usize = 65_536;

/// Number of keys from which uses are written early, without waiting for the interval.
const EARLY_WRITE_KEYS: usize = MAX_KEYS / 2;

/// The last unwritten use of each key.
#[derive(Debug, Default)]
pub(super) struct ApiKeyUses {
    last: Mutex<HashMap<ApiKeyId, LastUse>>,
    early_write: Notify,
}

#[derive(Debug)]
struct LastUse {
    used_at: Timestamp,
    digest: Option<StoredDigest>,
}

impl ApiKeyUses {
    /// Records a successful verification.
    pub(super) fn record(&self, ApiKeyUse { id, used_at, digest }: ApiKeyUse) {
        let mut last = self.last();
        if last.len() >= MAX_KEYS && !last.contains_key(&id) {
            return;
        }
        let latest = last.entry(id).or_insert(LastUse { used_at, digest: None });
        latest.used_at = used_at.max(latest.used_at);
        latest.digest = digest.or_else(|| latest.digest.take());
        if last.len() >= EARLY_WRITE_KEYS {
            self.early_write.notify_one();
        }
    }

    fn take(&self) -> Vec<ApiKeyUse> {
        std::mem::take(&mut *self.last())
            .into_iter()
            .map(|(id, LastUse { used_at, digest })| ApiKeyUse { id, used_at, digest })
            .collect()
    }

    /// A poisoned lock is safe to use: each entry is set in one step.
    fn last(&self) -> MutexGuard<'_, HashMap<ApiKeyId, LastUse>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Registry<S> {
    /// Writes the collected uses. If that fails, they are kept for the next time.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn api_key_uses_write(&self) -> Result<(), Failure> {
        let uses = self.api_key_uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.store.scoped(TenantScope::All).api_key_use(&uses).await;
        if written.is_err() {
            for api_key_use in uses {
                self.api_key_uses.record(api_key_use);
            }
        }
        Ok(written?)
    }

    /// Returns when enough uses have been collected to write them early.
    pub async fn api_key_uses_filling(&self) {
        self.api_key_uses.early_write.notified().await;
    }
}
