//! API keys.

use super::MemoryStore;
use super::page::record_page;
use crate::records::{ApiKeyQuery, ApiKeyRecord, Decision, EntitlementRecord, EventWithResponse, RecordPage, stored};
use crate::store::{
    ApiKeyLookup, ApiKeyRotation, ApiKeyStore, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, Changed, StoreError,
};
use tenant_registry_contract::types::{ApiKeyId, ProductKey};

impl ApiKeyStore for MemoryStore {
    async fn api_key_list(&self, query: ApiKeyQuery) -> Result<Option<RecordPage<ApiKeyRecord>>, StoreError> {
        let state = self.state();
        let ApiKeyQuery {
            tenant_id,
            product,
            project_id,
            usable,
            now,
            page,
        } = query;
        if !state.tenants.contains_key(&tenant_id) {
            return Ok(None);
        }
        let matching = state.api_keys.values().filter(|api_key| {
            api_key.tenant_id == tenant_id
                && product.as_ref().is_none_or(|wanted| {
                    let stored = api_key.product.as_ref();
                    stored.is_some_and(|stored| stored.as_str() == wanted.as_str())
                })
                && project_id.is_none_or(|wanted| api_key.project_id == Some(wanted))
                && usable.is_none_or(|usable| api_key.is_usable(now) == usable)
        });
        Ok(Some(record_page(
            matching,
            page,
            |api_key| api_key.id.into(),
            ApiKeyRecord::text_bytes,
        )))
    }

    async fn api_key_get(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        Ok(self.state().api_keys.get(&id).cloned())
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
        let is_of_tenant = |id| {
            let project = state.projects.get(&id);
            project.is_some_and(|project| project.tenant_id == api_key.tenant_id)
        };
        if !api_key.project_id.is_none_or(is_of_tenant) {
            return Ok(ApiKeyStored::ProjectNotFound);
        }
        state.append_event(event)?;
        state.api_key_insert(api_key.clone());
        Ok(ApiKeyStored::Created(Box::new(api_key)))
    }

    async fn api_key_rotate<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<ApiKeyRotation, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        let mut state = self.state();
        let Some(current) = state.api_keys.get(&id) else {
            return Ok(Changed::NotFound);
        };
        let ApiKeyRotation {
            rotated,
            successor,
            event,
        } = match decide(current) {
            Ok(rotation) => rotation,
            Err(error) => return Ok(Changed::Rejected(error)),
        };
        state.append_event(event)?;
        state.api_keys.insert(id, rotated);
        state.api_key_insert(successor.clone());
        Ok(Changed::Stored(successor))
    }

    async fn api_key_change<E: Send>(
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

    async fn api_key_verify(&self, lookup: ApiKeyLookup) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        let ApiKeyLookup { prefix, product } = lookup;
        let product = product.map(stored::<ProductKey>);
        let state = self.state();
        let ids = state.api_key_ids.get(&prefix).map(Vec::as_slice).unwrap_or_default();
        let api_keys = ids.iter().filter_map(|id| state.api_keys.get(id));
        Ok(api_keys
            .filter_map(|api_key| {
                let tenant = state.tenants.get(&api_key.tenant_id)?;
                let entitlements = state.entitlements.get(&api_key.tenant_id);
                let entitlement = product.as_ref().and_then(|product| entitlements?.get(product));
                Some(ApiKeyWithTenant {
                    api_key: api_key.clone(),
                    tenant_status: tenant.status,
                    tenant_cancel_at: tenant.cancel_at,
                    entitlement: entitlement.map(EntitlementRecord::state),
                })
            })
            .collect())
    }

    async fn api_key_use(&self, uses: &[ApiKeyUse]) -> Result<(), StoreError> {
        let mut state = self.state();
        for ApiKeyUse { id, used_at, digest } in uses {
            if let Some(api_key) = state.api_keys.get_mut(id) {
                api_key.last_used_at = api_key.last_used_at.max(Some(*used_at));
                if digest.is_some() {
                    api_key.digest.clone_from(digest);
                }
            }
        }
        Ok(())
    }
}
