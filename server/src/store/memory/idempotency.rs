//! Idempotency records.

use super::{MemoryStore, State};
use crate::records::IdempotencyRecord;
use crate::store::{IdempotencyStore, StoreError};
use std::collections::hash_map::Entry;
use tenant_registry_contract::server::{RequestKey, StoredResponse};
use tenant_registry_contract::types::Timestamp;

impl State {
    /// Returns `false` if there is a record for the key.
    pub(super) fn idempotency_record_insert(&mut self, record: IdempotencyRecord) -> bool {
        match self.idempotency_records.entry(record.key.clone()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(record);
                true
            }
        }
    }
}

impl IdempotencyStore for MemoryStore {
    async fn idempotency_record_get(&self, key: &RequestKey) -> Result<Option<StoredResponse>, StoreError> {
        let state = self.state();
        Ok(state.idempotency_records.get(key).map(|record| record.response.clone()))
    }

    async fn idempotency_record_create(&self, record: IdempotencyRecord) -> Result<bool, StoreError> {
        Ok(self.state().idempotency_record_insert(record))
    }

    async fn idempotency_records_delete(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut state = self.state();
        let records = state.idempotency_records.values();
        let mut old: Vec<_> = records.filter(|record| record.created_at < before).collect();
        old.sort_by_key(|record| record.created_at);
        let keys: Vec<_> = old.into_iter().take(limit).map(|record| record.key.clone()).collect();
        for key in &keys {
            state.idempotency_records.remove(key);
        }
        Ok(keys.len())
    }
}
