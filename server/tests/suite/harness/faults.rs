//! A store with injected faults, and the operator's access to a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant_registry_contract::server::{RequestKey, StoredResponse};
use tenant_registry_contract::types::{ApiKeyId, AuditEventId, ProductKey, ProjectId, TenantId, TenantSlug, Timestamp};
use tenant_registry_server::records::{
    ApiKeyQuery, ApiKeyRecord, AuditEventList, AuditEventRecord, AuditQuery, ConnectionCounts, Decision,
    EntitlementDecision, EntitlementRecord, EventBatch, EventWithResponse, IdempotencyRecord, InternalDetail,
    NewAuditEvent, PageReadCounts, ProjectQuery, ProjectRecord, RecordPage, TenantQuery, TenantRecord, TenantScope,
};
use tenant_registry_server::store::{
    ApiKeyLookup, ApiKeyRotation, ApiKeyStore, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, AuditAppended,
    AuditBatchAppended, AuditStore, Changed, Deleted, EntitlementChanged, EntitlementStore, EntitlementWithTenant,
    IdempotencyStore, NewTrial, ProjectCreated, ProjectStore, Store, StoreError, StoreHealth, TenantChanged,
    TenantCreated, TenantStore, TrialStarted,
};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// The detail of a fault, which no response may contain.
pub(crate) const SECRET_DETAIL: &str = "host=db-7 password=correct-horse";

/// How a store fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Unavailable,
    Internal,
}

/// Delegates to a store unless a fault is set. Clones share the store and the fault.
pub(crate) struct FaultyStore<S> {
    store: Arc<S>,
    fault: Arc<Mutex<Option<Fault>>>,
    /// Held while changes have to wait.
    pause: Arc<RwLock<()>>,
    /// How often the store was asked whether it is ready.
    pings: Arc<AtomicUsize>,
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            fault: Arc::clone(&self.fault),
            pause: Arc::clone(&self.pause),
            pings: Arc::clone(&self.pings),
        }
    }
}

impl<S> FaultyStore<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            fault: Arc::default(),
            pause: Arc::default(),
            pings: Arc::default(),
        }
    }

    /// Wraps another store, which shares the fault.
    pub(crate) fn with_same_fault(&self, store: S) -> Self {
        Self {
            store: Arc::new(store),
            fault: Arc::clone(&self.fault),
            pause: Arc::clone(&self.pause),
            pings: Arc::clone(&self.pings),
        }
    }

    fn healthy(&self) -> Result<&S, StoreError> {
        let detail = InternalDetail::new(SECRET_DETAIL);
        match *self.fault.lock().unwrap() {
            None => Ok(&self.store),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable(detail)),
            Some(Fault::Internal) => Err(StoreError::Internal(detail)),
        }
    }
}

impl<S: TenantStore> TenantStore for FaultyStore<S> {
    async fn tenant_create(&self, tenant: TenantRecord, event: EventWithResponse) -> Result<TenantCreated, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.tenant_create(tenant, event).await
    }

    async fn tenant_get(&self, id: TenantId) -> Result<Option<TenantRecord>, StoreError> {
        self.healthy()?.tenant_get(id).await
    }

    async fn tenant_get_by_slug(&self, slug: &TenantSlug) -> Result<Option<TenantRecord>, StoreError> {
        self.healthy()?.tenant_get_by_slug(slug).await
    }

    async fn tenant_list(&self, query: TenantQuery) -> Result<RecordPage<TenantRecord>, StoreError> {
        self.healthy()?.tenant_list(query).await
    }

    async fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> Result<TenantChanged<E>, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.tenant_change(id, decide).await
    }

    async fn tenant_delete<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        self.healthy()?.tenant_delete(id, decide).await
    }
}

impl<S: ProjectStore> ProjectStore for FaultyStore<S> {
    async fn project_create(
        &self,
        project: ProjectRecord,
        event: EventWithResponse,
    ) -> Result<ProjectCreated, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.project_create(project, event).await
    }

    async fn project_get(&self, id: ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
        self.healthy()?.project_get(id).await
    }

    async fn project_list(&self, query: ProjectQuery) -> Result<Option<RecordPage<ProjectRecord>>, StoreError> {
        self.healthy()?.project_list(query).await
    }

    async fn project_change<E: Send>(
        &self,
        id: ProjectId,
        decide: impl Fn(&ProjectRecord) -> Result<Decision<ProjectRecord>, E> + Send + Sync,
    ) -> Result<Changed<ProjectRecord, E>, StoreError> {
        self.healthy()?.project_change(id, decide).await
    }

    async fn project_delete<E: Send>(
        &self,
        id: ProjectId,
        now: Timestamp,
        decide: impl Fn(&ProjectRecord, u64) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        self.healthy()?.project_delete(id, now, decide).await
    }
}

impl<S: EntitlementStore> EntitlementStore for FaultyStore<S> {
    async fn entitlement_list(&self, tenant_id: TenantId) -> Result<Option<Vec<EntitlementRecord>>, StoreError> {
        self.healthy()?.entitlement_list(tenant_id).await
    }

    async fn entitlement_get(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementRecord>, StoreError> {
        self.healthy()?.entitlement_get(tenant_id, product).await
    }

    async fn entitlement_change<E: Send>(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        decide: impl Fn(&TenantRecord, Option<EntitlementRecord>) -> Result<EntitlementDecision, E> + Send + Sync,
    ) -> Result<EntitlementChanged<E>, StoreError> {
        self.healthy()?.entitlement_change(tenant_id, product, decide).await
    }

    async fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementWithTenant>, StoreError> {
        self.healthy()?.entitlement_check(tenant_id, product).await
    }

    async fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> Result<TrialStarted<E>, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.catalog_trial_request(tenant_id, decide).await
    }
}

impl<S: ApiKeyStore> ApiKeyStore for FaultyStore<S> {
    async fn api_key_list(&self, query: ApiKeyQuery) -> Result<Option<RecordPage<ApiKeyRecord>>, StoreError> {
        self.healthy()?.api_key_list(query).await
    }

    async fn api_key_get(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.healthy()?.api_key_get(id).await
    }

    async fn api_key_create(
        &self,
        api_key: ApiKeyRecord,
        event: EventWithResponse,
    ) -> Result<ApiKeyStored, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.api_key_create(api_key, event).await
    }

    async fn api_key_rotate<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<ApiKeyRotation, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.api_key_rotate(id, decide).await
    }

    async fn api_key_change<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.api_key_change(id, decide).await
    }

    async fn api_key_verify(&self, lookup: ApiKeyLookup) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        self.healthy()?.api_key_verify(lookup).await
    }

    async fn api_key_use(&self, uses: &[ApiKeyUse]) -> Result<(), StoreError> {
        self.healthy()?.api_key_use(uses).await
    }
}

impl<S: AuditStore> AuditStore for FaultyStore<S> {
    async fn audit_append(&self, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.audit_append(event).await
    }

    async fn audit_append_batch(&self, batch: EventBatch) -> Result<AuditBatchAppended, StoreError> {
        let _running = self.pause.read().await;
        self.healthy()?.audit_append_batch(batch).await
    }

    async fn audit_get(&self, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
        self.healthy()?.audit_get(id).await
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        self.healthy()?.audit_list(query).await
    }

    async fn audit_clear_deleted_tenant(&self) -> Result<bool, StoreError> {
        self.healthy()?.audit_clear_deleted_tenant().await
    }
}

impl<S: IdempotencyStore> IdempotencyStore for FaultyStore<S> {
    async fn idempotency_record_get(&self, key: &RequestKey) -> Result<Option<StoredResponse>, StoreError> {
        self.healthy()?.idempotency_record_get(key).await
    }

    async fn idempotency_record_create(&self, record: IdempotencyRecord) -> Result<bool, StoreError> {
        self.healthy()?.idempotency_record_create(record).await
    }

    async fn idempotency_records_delete(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.healthy()?.idempotency_records_delete(before, limit).await
    }
}

impl<S: StoreHealth> StoreHealth for FaultyStore<S> {
    async fn ping(&self) -> Result<(), StoreError> {
        self.pings.fetch_add(1, Ordering::Relaxed);
        self.healthy()?.ping().await
    }

    fn connections(&self) -> Vec<ConnectionCounts> {
        self.store.connections()
    }

    fn lease_left(&self) -> Option<Duration> {
        self.store.lease_left()
    }

    fn page_reads(&self) -> Option<PageReadCounts> {
        self.store.page_reads()
    }
}

impl<S: Store> Store for FaultyStore<S> {
    type Scoped = FaultyStore<S::Scoped>;

    fn scoped(&self, tenant_scope: TenantScope) -> Self::Scoped {
        FaultyStore {
            store: Arc::new(self.store.scoped(tenant_scope)),
            fault: Arc::clone(&self.fault),
            pause: Arc::clone(&self.pause),
            pings: Arc::clone(&self.pings),
        }
    }
}

type Pending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Changes that no operation makes.
pub(crate) trait Operator: Send + Sync {
    /// Sets or removes the fault.
    fn set_fault(&self, fault: Option<Fault>);

    /// How often the store was asked whether it is ready.
    fn pings(&self) -> usize;

    /// Makes changes wait until the guard is dropped.
    fn pause_changes(&self) -> OwnedRwLockWriteGuard<()>;

    fn insert_api_key(&self, api_key: ApiKeyRecord) -> Pending<'_>;

    fn insert_entitlement(&self, entitlement: EntitlementRecord) -> Pending<'_>;
}

impl<S: Store> Operator for FaultyStore<S> {
    fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    fn pings(&self) -> usize {
        self.pings.load(Ordering::Relaxed)
    }

    fn pause_changes(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.pause).try_write_owned().expect("no change is running")
    }

    fn insert_api_key(&self, api_key: ApiKeyRecord) -> Pending<'_> {
        let event = event("operator.api_key", api_key.tenant_id, api_key.created_at);
        Box::pin(async move {
            let stored = self
                .store
                .scoped(TenantScope::All)
                .api_key_create(api_key, event)
                .await
                .unwrap();
            assert!(matches!(stored, ApiKeyStored::Created(_)), "{stored:?}");
        })
    }

    fn insert_entitlement(&self, entitlement: EntitlementRecord) -> Pending<'_> {
        let event = event("operator.entitlement", entitlement.tenant_id, entitlement.created_at);
        Box::pin(async move {
            let trial = |_: &TenantRecord| {
                Ok::<_, ()>(NewTrial {
                    entitlement: entitlement.clone(),
                    event: event.clone(),
                })
            };
            let started = self
                .store
                .scoped(TenantScope::All)
                .catalog_trial_request(entitlement.tenant_id, trial)
                .await
                .unwrap();
            assert!(matches!(started, TrialStarted::Started(_)), "{started:?}");
        })
    }
}

fn event(action: &str, tenant_id: TenantId, now: Timestamp) -> EventWithResponse {
    NewAuditEvent {
        tenant_id: Some(tenant_id),
        project_id: None,
        actor_id: None,
        actor_name: None,
        actor_type: None,
        action: action.into(),
        target_id: None,
        target_type: None,
        target_name: None,
        targets: None,
        product: None,
        metadata: None,
        source_ip: None,
        user_agent: None,
        occurred_at: None,
        created_at: now,
        origin: None,
    }
    .into()
}
