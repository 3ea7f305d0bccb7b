//! `last_used_at`: uses are collected in memory and written in batches, so that no verify waits for a write.

use super::Registry;
use super::error::Failure;
use crate::store::{ApiKeyUse, Store};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tenant_registry_contract::types::ApiKeyId;
use tokio::sync::Notify;

/// The most keys whose use waits to be written: some 3 MiB. A use beyond is not recorded; the next one will be.
const MOST_KEYS: usize = 65_536;

/// From how many waiting keys on they are written without waiting for the interval.
const KEYS_WORTH_WRITING: usize = MOST_KEYS / 2;

/// The uses that are not written yet, the last of each key.
#[derive(Debug, Default)]
pub(super) struct ApiKeyUses {
    last: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
    filling: Notify,
}

impl ApiKeyUses {
    /// Notes that a key verified.
    pub(super) fn record(&self, id: ApiKeyId, used_at: DateTime<Utc>) {
        let mut last = self.last();
        if last.len() >= MOST_KEYS && !last.contains_key(&id) {
            return;
        }
        let latest = last.entry(id).or_insert(used_at);
        *latest = used_at.max(*latest);
        if last.len() >= KEYS_WORTH_WRITING {
            self.filling.notify_one();
        }
    }

    fn take(&self) -> Vec<ApiKeyUse> {
        std::mem::take(&mut *self.last())
            .into_iter()
            .map(|(id, used_at)| ApiKeyUse { id, used_at })
            .collect()
    }

    /// A thread that panicked while it held the lock left a whole map: each entry is set in one step.
    fn last(&self) -> MutexGuard<'_, HashMap<ApiKeyId, DateTime<Utc>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Registry<S> {
    /// Writes the collected uses; those that cannot be written are kept for the next time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn api_key_uses_write(&self) -> Result<(), Failure> {
        let uses = self.api_key_uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.store.api_key_use(&uses).await;
        if written.is_err() {
            for ApiKeyUse { id, used_at } in uses {
                self.api_key_uses.record(id, used_at);
            }
        }
        Ok(written?)
    }

    /// Resolves when so many uses have been collected that they should be written early.
    pub async fn api_key_uses_filling(&self) {
        self.api_key_uses.filling.notified().await;
    }
}
