//! API keys.

use super::MemoryStore;
use crate::records::{ApiKeyRecord, Decision, EventWithResponse};
use crate::store::{ApiKeyStore, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, Changed, StoreError};
use std::cmp::Reverse;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPrefix, TenantId};

impl ApiKeyStore for MemoryStore {
    async fn api_key_list(&self, tenant_id: TenantId) -> Result<Option<Vec<ApiKeyRecord>>, StoreError> {
        let state = self.state();
        if !state.tenants.contains_key(&tenant_id) {
            return Ok(None);
        }
        let all = state.api_keys.values();
        let mut api_keys: Vec<_> = all.filter(|api_key| api_key.tenant_id == tenant_id).cloned().collect();
        api_keys.sort_by_key(|api_key| Reverse((api_key.created_at, api_key.id)));
        Ok(Some(api_keys))
    }

    async fn api_key_create(
        &self,
        api_key: ApiKeyRecord,
        event: EventWithResponse,
    ) -> Result<ApiKeyStored, StoreError> {
        let mut state = self.state();
        if !state.tenants.contains_key(&api_key.tenant_id) {
            return Ok(ApiKeyStored::TenantNotFound);
        }
        state.append_event(event)?;
        state
            .api_key_ids
            .entry(api_key.prefix.clone())
            .or_default()
            .push(api_key.id);
        state.api_keys.insert(api_key.id, api_key.clone());
        Ok(ApiKeyStored::Created(Box::new(api_key)))
    }

    async fn api_key_revoke<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        let mut state = self.state();
        let current = state.api_keys.get(&id).cloned();
        state.change(current, decide, |state, api_key| {
            state.api_keys.insert(id, api_key);
        })
    }

    async fn api_key_verify(&self, prefix: &ApiKeyPrefix) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        let state = self.state();
        let ids = state.api_key_ids.get(prefix).map(Vec::as_slice).unwrap_or_default();
        let api_keys = ids.iter().filter_map(|id| state.api_keys.get(id));
        Ok(api_keys
            .filter_map(|api_key| {
                let tenant = state.tenants.get(&api_key.tenant_id)?;
                Some(ApiKeyWithTenant {
                    api_key: api_key.clone(),
                    tenant_status: tenant.status,
                    tenant_cancel_at: tenant.cancel_at,
                })
            })
            .collect())
    }

    async fn api_key_use(&self, uses: &[ApiKeyUse]) -> Result<(), StoreError> {
        let mut state = self.state();
        for ApiKeyUse { id, used_at } in uses {
            if let Some(api_key) = state.api_keys.get_mut(id) {
                api_key.last_used_at = api_key.last_used_at.max(Some(*used_at));
            }
        }
        Ok(())
    }
}
