//! Tenants in memory.

use super::MemoryStore;
use crate::records::{Decision, NewAuditEvent, TenantRecord};
use crate::store::{Changed, StoreError, TenantCreated, TenantStore};
use tenant_registry_contract::types::{TenantId, TenantSlug};

impl TenantStore for MemoryStore {
    async fn tenant_create(&self, tenant: TenantRecord, event: NewAuditEvent) -> Result<TenantCreated, StoreError> {
        let mut state = self.state();
        if state.tenant_ids.contains_key(&tenant.slug) {
            return Ok(TenantCreated::SlugInUse);
        }
        let event = state.numbered(event)?;
        state.audit_events.push(event);
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
        let Some(tenant) = state.tenants.get(&id) else {
            return Ok(Changed::NotFound);
        };
        match decide(tenant) {
            Err(refusal) => Ok(Changed::Rejected(refusal)),
            Ok(Decision::Unchanged) => Ok(Changed::Stored(tenant.clone())),
            Ok(Decision::Change { record, event }) => {
                let event = state.numbered(*event)?;
                state.audit_events.push(event);
                state.tenant_insert((*record).clone());
                Ok(Changed::Stored(*record))
            }
        }
    }
}
