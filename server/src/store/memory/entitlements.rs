//! Entitlements, and the trials that create them.

use super::MemoryStore;
use crate::records::{EntitlementRecord, TenantRecord, stored};
use crate::store::{EntitlementStore, EntitlementWithTenant, NewTrial, StoreError, TrialStarted};
use tenant_registry_contract::types::{ProductKey, TenantId};

impl EntitlementStore for MemoryStore {
    async fn entitlement_list(&self, tenant_id: TenantId) -> Result<Option<Vec<EntitlementRecord>>, StoreError> {
        let state = self.state();
        if !state.tenants.contains_key(&tenant_id) {
            return Ok(None);
        }
        let entitlements = state.entitlements.get(&tenant_id);
        Ok(Some(
            entitlements
                .map(|products| products.values().cloned().collect())
                .unwrap_or_default(),
        ))
    }

    async fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementWithTenant>, StoreError> {
        let state = self.state();
        Ok(state.tenants.get(&tenant_id).map(|tenant| {
            let entitlements = state.entitlements.get(&tenant_id);
            EntitlementWithTenant {
                tenant_status: tenant.status,
                tenant_cancel_at: tenant.cancel_at,
                entitlement: entitlements.and_then(|it| it.get(&stored::<ProductKey>(product.clone())).cloned()),
            }
        }))
    }

    async fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> Result<TrialStarted<E>, StoreError> {
        let mut state = self.state();
        let Some(tenant) = state.tenants.get(&tenant_id) else {
            return Ok(TrialStarted::TenantNotFound);
        };
        let NewTrial { entitlement, event } = match decide(tenant) {
            Ok(trial) => trial,
            Err(error) => return Ok(TrialStarted::Rejected(error)),
        };
        let exists = state
            .entitlements
            .get(&tenant_id)
            .is_some_and(|products| products.contains_key(&entitlement.product));
        if exists {
            return Ok(TrialStarted::EntitlementExists);
        }
        state.append_event(event)?;
        state
            .entitlements
            .entry(tenant_id)
            .or_default()
            .insert(entitlement.product.clone(), entitlement.clone());
        Ok(TrialStarted::Started(entitlement))
    }
}
