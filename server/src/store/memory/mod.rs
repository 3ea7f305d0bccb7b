//! The in-memory store, for tests and for trying out the service. One lock around all state makes each call a transaction.

mod api_keys;
mod audit;
mod entitlements;
mod idempotency;
mod page;
mod projects;
mod tenants;

use crate::records::{
    ApiKeyRecord, AuditEventRecord, ConnectionCounts, Decision, EntitlementRecord, EventWithResponse,
    IdempotencyRecord, InternalDetail, NewAuditEvent, PageReadCounts, ProjectRecord, TenantRecord, TenantScope, stored,
};
use crate::store::{Change, Changed, Store, StoreError, StoreHealth, decide_change};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tenant_registry_contract::server::RequestKey;
use tenant_registry_contract::types::{
    ApiKeyId, ApiKeyPrefix, AuditEventId, ConstraintError, ProjectId, StoredText, TenantId, TenantKind, TenantName,
    TenantSlug, TenantStatus, Timestamp,
};

/// The id of the first tenant. The examples of the spec have the same, so that they can be sent as they are.
const EXAMPLE_TENANT: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

/// Tenants, projects, entitlements, API keys and the audit log. They are lost when the process ends. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    tenants: HashMap<TenantId, TenantRecord>,
    tenant_ids: HashMap<TenantSlug, TenantId>,
    projects: HashMap<ProjectId, ProjectRecord>,
    entitlements: BTreeMap<TenantId, BTreeMap<StoredText, EntitlementRecord>>,
    api_keys: HashMap<ApiKeyId, ApiKeyRecord>,
    api_key_ids: HashMap<ApiKeyPrefix, Vec<ApiKeyId>>,
    /// In order of their numbers.
    audit_events: Vec<AuditEventRecord>,
    idempotency_records: HashMap<RequestKey, IdempotencyRecord>,
}

impl MemoryStore {
    /// Creates a store with the tenant `acme`, an active customer. No request created it, so it has no audit event.
    ///
    /// # Errors
    /// If the tenant does not conform to the spec.
    pub fn seeded(now: Timestamp) -> Result<Self, ConstraintError> {
        let mut state = State::default();
        state.tenant_insert(TenantRecord {
            id: TenantId::try_from(EXAMPLE_TENANT)?,
            slug: TenantSlug::try_from("acme")?,
            name: TenantName::try_from("Acme GmbH")?,
            status: TenantStatus::Active,
            kind: TenantKind::Customer,
            plan: stored("starter"),
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
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    /// A poisoned lock is safe to use: everything that may panic runs before the first write.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the event after the one with this number.
fn number_after(last: i64) -> Result<AuditEventId, StoreError> {
    last.checked_add(1)
        .ok_or_else(|| "there are no more numbers for audit events".to_owned())
        .and_then(|id| AuditEventId::try_from(id).map_err(|error| error.to_string()))
        .map_err(|detail| StoreError::Internal(InternalDetail::new(detail)))
}

impl State {
    fn tenant_insert(&mut self, tenant: TenantRecord) {
        self.tenant_ids.insert(tenant.slug.clone(), tenant.id);
        self.tenants.insert(tenant.id, tenant);
    }

    fn api_key_insert(&mut self, api_key: ApiKeyRecord) {
        let ids = self.api_key_ids.entry(api_key.prefix.clone()).or_default();
        ids.push(api_key.id);
        self.api_keys.insert(api_key.id, api_key);
    }

    /// Appends an event with the next number, and stores its response.
    fn append_event(&mut self, event: impl Into<EventWithResponse>) -> Result<AuditEventRecord, StoreError> {
        let EventWithResponse { event, response } = event.into();
        let last = self.audit_events.last().map_or(0, |record| record.id.get());
        let record = AuditEventRecord {
            id: number_after(last)?,
            event,
        };
        if let Some(response) = response {
            self.response_insert(response.record(&record))?;
        }
        self.audit_events.push(record.clone());
        Ok(record)
    }

    /// Gives events the next numbers, in their order. Does not append them.
    fn numbered_events(&self, events: Vec<NewAuditEvent>) -> Result<Vec<AuditEventRecord>, StoreError> {
        let mut last = self.audit_events.last().map_or(0, |record| record.id.get());
        let numbered = events.into_iter().map(|event| {
            let id = number_after(last)?;
            last = id.get();
            Ok(AuditEventRecord { id, event })
        });
        numbered.collect()
    }

    /// Stores the response to a change.
    fn response_insert(&mut self, response: serde_json::Result<IdempotencyRecord>) -> Result<(), StoreError> {
        let response = response.map_err(|error| StoreError::Internal(InternalDetail::new(error.to_string())))?;
        if self.idempotency_record_insert(response) {
            Ok(())
        } else {
            let detail = "a request with the same Idempotency-Key was faster".to_owned();
            Err(StoreError::Unavailable(InternalDetail::new(detail)))
        }
    }

    /// Applies a rule to a record. `write` stores the changed record.
    fn change<T: Clone, E>(
        &mut self,
        current: Option<T>,
        decide: impl Fn(&T) -> Result<Decision<T>, E>,
        write: impl FnOnce(&mut Self, T),
    ) -> Result<Changed<T, E>, StoreError> {
        match decide_change(current, decide) {
            ControlFlow::Break(outcome) => Ok(outcome),
            ControlFlow::Continue(Change { record, event }) => {
                self.append_event(*event)?;
                write(self, (*record).clone());
                Ok(Changed::Stored(*record))
            }
        }
    }
}

impl StoreHealth for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn connections(&self) -> Vec<ConnectionCounts> {
        Vec::new()
    }

    fn lease_left(&self) -> Option<Duration> {
        None
    }

    fn page_reads(&self) -> Option<PageReadCounts> {
        None
    }
}

impl Store for MemoryStore {
    type Scoped = Self;

    /// The rules alone keep to the tenant scope.
    fn scoped(&self, _: TenantScope) -> Self {
        self.clone()
    }
}
