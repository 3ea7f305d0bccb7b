//! Entitlements, and the trials that create them.

use super::MemoryStore;
use crate::records::{EntitlementDecision, EntitlementRecord, TenantRecord, stored};
use crate::store::{EntitlementChanged, EntitlementStore, EntitlementWithTenant, NewTrial, StoreError, TrialStarted};
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

    async fn entitlement_get(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementRecord>, StoreError> {
        let state = self.state();
        let entitlements = state.entitlements.get(&tenant_id);
        Ok(entitlements
            .and_then(|products| products.get(&stored::<ProductKey>(product.clone())))
            .cloned())
    }

    async fn entitlement_change<E: Send>(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        decide: impl Fn(&TenantRecord, Option<EntitlementRecord>) -> Result<EntitlementDecision, E> + Send + Sync,
    ) -> Result<EntitlementChanged<E>, StoreError> {
        let mut state = self.state();
        let Some(tenant) = state.tenants.get(&tenant_id) else {
            return Ok(EntitlementChanged::TenantNotFound);
        };
        let product = stored::<ProductKey>(product.clone());
        let entitlements = state.entitlements.get(&tenant_id);
        let current = entitlements.and_then(|products| products.get(&product)).cloned();
        let exists = current.is_some();
        let (record, event) = match decide(tenant, current) {
            Err(error) => return Ok(EntitlementChanged::Rejected(error)),
            Ok(EntitlementDecision::Unchanged(record)) => return Ok(EntitlementChanged::Stored(record)),
            Ok(EntitlementDecision::Change { record, event }) => (*record, *event),
        };
        state.append_event(event)?;
        state
            .entitlements
            .entry(tenant_id)
            .or_default()
            .insert(product, record.clone());
        Ok(if exists {
            EntitlementChanged::Stored(record)
        } else {
            EntitlementChanged::Created(record)
        })
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
