//! The store in memory: for a first look and for tests. One lock around everything makes each call a transaction.

mod api_keys;
mod audit;
mod entitlements;
mod tenants;

use crate::records::{
    ApiKeyRecord, AuditEventRecord, ConnectionCounts, EntitlementRecord, InternalDetail, NewAuditEvent, TenantRecord,
};
use crate::store::{StoreError, StoreHealth};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tenant_registry_contract::types::{
    ApiKeyId, ApiKeyPrefix, AuditEventId, ConstraintError, PlanKey, ProductKey, TenantId, TenantKind, TenantName,
    TenantSlug, TenantStatus,
};
use uuid::Uuid;

/// Tenants, entitlements, API keys and the audit log, for as long as the process runs.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    tenants: HashMap<TenantId, TenantRecord>,
    tenant_ids: HashMap<TenantSlug, TenantId>,
    entitlements: BTreeMap<TenantId, BTreeMap<ProductKey, EntitlementRecord>>,
    api_keys: HashMap<ApiKeyId, ApiKeyRecord>,
    api_key_ids: HashMap<ApiKeyPrefix, Vec<ApiKeyId>>,
    /// In the order of their numbers.
    audit_events: Vec<AuditEventRecord>,
}

impl MemoryStore {
    /// A store with the tenant `acme`, an active customer. Nobody created it by a request, so that the audit log says
    /// nothing about it.
    ///
    /// # Errors
    /// When the spec no longer admits what is seeded.
    pub fn seeded(now: DateTime<Utc>) -> Result<Self, ConstraintError> {
        let mut state = State::default();
        state.tenant_insert(TenantRecord {
            id: TenantId::from(Uuid::now_v7()),
            slug: TenantSlug::try_from("acme")?,
            name: TenantName::try_from("Acme GmbH")?,
            status: TenantStatus::Active,
            kind: TenantKind::Customer,
            plan: PlanKey::try_from("starter")?,
            erp_customer_id: None,
            stripe_cust_id: None,
            trial_ends_at: None,
            contract_start: None,
            contract_end: None,
            cancel_at: None,
            sales_owner: None,
            created_at: now,
            updated_at: now,
        });
        Ok(Self(Mutex::new(state)))
    }

    /// A thread that panicked while it held the lock left whole state: rules run, and numbers are given, before the
    /// first write.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tenant_insert(&mut self, tenant: TenantRecord) {
        self.tenant_ids.insert(tenant.slug.clone(), tenant.id);
        self.tenants.insert(tenant.id, tenant);
    }

    /// Gives an event its number. Whoever calls this pushes the record under the same lock.
    fn numbered(&self, event: NewAuditEvent) -> Result<AuditEventRecord, StoreError> {
        let last = self.audit_events.last().map_or(0, |record| record.id.get());
        let id = last
            .checked_add(1)
            .ok_or_else(|| "the numbers of audit events are used up".to_owned())
            .and_then(|id| AuditEventId::try_from(id).map_err(|error| error.to_string()))
            .map_err(|detail| StoreError::Internal(InternalDetail::new(detail)))?;
        Ok(AuditEventRecord { id, event })
    }
}

impl StoreHealth for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn connections(&self) -> Option<ConnectionCounts> {
        None
    }
}
