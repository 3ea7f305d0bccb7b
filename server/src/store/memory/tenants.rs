//! Tenants.

use super::{MemoryStore, State};
use crate::records::{Decision, EventWithResponse, TenantRecord};
use crate::store::{Changed, StoreError, TenantCreated, TenantStore};
use tenant_registry_contract::types::{TenantId, TenantSlug};

impl TenantStore for MemoryStore {
    async fn tenant_create(&self, tenant: TenantRecord, event: EventWithResponse) -> Result<TenantCreated, StoreError> {
        let mut state = self.state();
        if state.tenant_ids.contains_key(&tenant.slug) {
            return Ok(TenantCreated::SlugInUse);
        }
        state.append_event(event)?;
        state.tenant_insert(tenant.clone());
        Ok(TenantCreated::Created(Box::new(tenant)))
    }

    async fn tenant_get(&self, id: TenantId) -> Result<Option<TenantRecord>, StoreError> {
        Ok(self.state().tenants.get(&id).cloned())
    }

    async fn tenant_get_by_slug(&self, slug: &TenantSlug) -> Result<Option<TenantRecord>, StoreError> {
        let state = self.state();
        let id = state.tenant_ids.get(slug);
        Ok(id.and_then(|id| state.tenants.get(id)).cloned())
    }

    async fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> Result<Changed<TenantRecord, E>, StoreError> {
        let mut state = self.state();
        let current = state.tenants.get(&id).cloned();
        state.change(current, decide, State::tenant_insert)
    }
}
