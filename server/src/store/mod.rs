//! The store traits: one for each kind of record, combined in [`Store`].
//!
//! Every change is written together with its audit event, or not at all. A change that depends on a stored record is
//! passed as a function. The store calls it on the current record within a transaction, and calls it again if it has to
//! repeat the transaction. Missing and duplicate records are outcomes rather than errors, because the rules decide what
//! they mean.

pub mod memory;
pub mod postgres;

use crate::api_key_hash::StoredDigest;
use crate::records::{
    ApiKeyQuery, ApiKeyRecord, AuditEventList, AuditEventRecord, AuditQuery, ConnectionCounts, Decision,
    EntitlementDecision, EntitlementRecord, EntitlementState, EventBatch, EventWithResponse, IdempotencyRecord,
    InternalDetail, NewAuditEvent, PageReadCounts, ProjectQuery, ProjectRecord, RecordPage, TenantQuery, TenantRecord,
    TenantScope,
};
use std::collections::HashSet;
use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;
use tenant_registry_contract::server::{RequestKey, StoredResponse};
use tenant_registry_contract::types::{
    ApiKeyId, ApiKeyPrefix, AuditEventId, ProductKey, ProjectId, TenantId, TenantSlug, TenantStatus, Timestamp,
};
use thiserror::Error;

/// Why a store failed. The detail is for the log.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The store cannot be reached or is overloaded. Nothing was changed.
    #[error("the store is unavailable")]
    Unavailable(InternalDetail),
    /// The connection was lost during the commit. The change may have been made.
    #[error("the store was lost during the commit")]
    OutcomeUnknown(InternalDetail),
    /// A stored record is corrupt, or the store rejected a valid one.
    #[error("the store failed")]
    Internal(InternalDetail),
}

/// The outcome of a change to a stored record.
#[derive(Clone, Debug)]
pub enum Changed<T, E> {
    /// The record as the change stored it.
    Stored(T),
    /// The record was as requested already. Nothing was written.
    Unchanged(T),
    /// The rule rejected the change. Nothing was written.
    Rejected(E),
    /// The record does not exist.
    NotFound,
}

/// A change that a store has to write: the record and its audit event, both or neither.
pub(crate) struct Change<T> {
    pub(crate) record: Box<T>,
    pub(crate) event: Box<EventWithResponse>,
}

/// Applies a rule to the current record, if there is one. Returns the change to write, or the outcome if there is nothing
/// to write.
pub(crate) fn decide_change<T, E>(
    current: Option<T>,
    decide: impl Fn(&T) -> Result<Decision<T>, E>,
) -> ControlFlow<Changed<T, E>, Change<T>> {
    let Some(current) = current else {
        return ControlFlow::Break(Changed::NotFound);
    };
    match decide(&current) {
        Err(error) => ControlFlow::Break(Changed::Rejected(error)),
        Ok(Decision::Unchanged) => ControlFlow::Break(Changed::Unchanged(current)),
        Ok(Decision::Change { record, event }) => ControlFlow::Continue(Change { record, event }),
    }
}

/// The outcome of creating a tenant.
#[derive(Clone, Debug)]
pub enum TenantCreated {
    /// The stored tenant.
    Created(Box<TenantRecord>),
    /// Another tenant has this slug.
    SlugInUse,
}

/// A property of a tenant that no two tenants can have in common, unless it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueTenantProperty {
    /// `erp_customer_id`.
    ErpCustomerId,
    /// `stripe_cust_id`.
    StripeCustId,
}

impl UniqueTenantProperty {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Self; 2] = [Self::ErpCustomerId, Self::StripeCustId];

    /// The name of the property.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ErpCustomerId => "erp_customer_id",
            Self::StripeCustId => "stripe_cust_id",
        }
    }
}

/// The outcome of changing a tenant.
#[derive(Clone, Debug)]
pub enum TenantChanged<E> {
    /// As the rule decided.
    Decided(Changed<TenantRecord, E>),
    /// The change would give this property the value that another tenant has. Nothing was written.
    InUse(UniqueTenantProperty),
}

/// The outcome of creating a project.
#[derive(Clone, Debug)]
pub enum ProjectCreated {
    /// The stored project.
    Created(Box<ProjectRecord>),
    /// The tenant has a project with this slug.
    SlugInUse,
    /// The tenant does not exist.
    TenantNotFound,
}

/// The outcome of deleting a record.
#[derive(Clone, Debug)]
pub enum Deleted<E> {
    /// The record is deleted.
    Deleted,
    /// The rule rejected the deletion. Nothing was written.
    Rejected(E),
    /// The record does not exist.
    NotFound,
}

/// The outcome of creating an API key.
#[derive(Clone, Debug)]
pub enum ApiKeyStored {
    /// The stored key.
    Created(Box<ApiKeyRecord>),
    /// The tenant does not exist.
    TenantNotFound,
    /// The tenant has no project with this id.
    ProjectNotFound,
}

/// The rotation of an API key. The store writes all of it or nothing.
#[derive(Clone, Debug)]
pub struct ApiKeyRotation {
    /// The old key as it is from now on.
    pub rotated: ApiKeyRecord,
    /// The new key.
    pub successor: ApiKeyRecord,
    /// The audit event, and the response.
    pub event: EventWithResponse,
}

/// The outcome of appending an audit event.
#[derive(Clone, Debug)]
pub enum AuditAppended {
    /// The stored event.
    Appended(Box<AuditEventRecord>),
    /// The tenant does not exist.
    TenantNotFound,
}

/// The outcome of appending several audit events.
#[derive(Clone, Debug)]
pub enum AuditBatchAppended {
    /// The stored events, in the order of the batch.
    Appended(Vec<AuditEventRecord>),
    /// These tenants do not exist. Nothing was written.
    TenantsNotFound(HashSet<TenantId>),
}

/// A new trial and its audit event.
#[derive(Clone, Debug)]
pub struct NewTrial {
    /// The entitlement.
    pub entitlement: EntitlementRecord,
    /// The audit event, and the response.
    pub event: EventWithResponse,
}

/// The outcome of starting a trial.
#[derive(Clone, Debug)]
pub enum TrialStarted<E> {
    /// The stored entitlement.
    Started(EntitlementRecord),
    /// The tenant already has an entitlement to the product, whether or not it is enabled.
    EntitlementExists,
    /// The rule rejected the change. Nothing was written.
    Rejected(E),
    /// The tenant does not exist.
    TenantNotFound,
}

/// The outcome of changing an entitlement.
#[derive(Clone, Debug)]
pub enum EntitlementChanged<E> {
    /// The entitlement was created.
    Created(EntitlementRecord),
    /// The entitlement existed. It is as it is stored now, whether it changed or not.
    Stored(EntitlementRecord),
    /// The rule rejected the change. Nothing was written.
    Rejected(E),
    /// The tenant does not exist.
    TenantNotFound,
}

/// A tenant's entitlement to a product and the state of the tenant, read together.
#[derive(Clone, Debug)]
pub struct EntitlementWithTenant {
    /// The stored status of the tenant.
    pub tenant_status: TenantStatus,
    /// When a pending cancellation of the tenant takes effect.
    pub tenant_cancel_at: Option<Timestamp>,
    /// The entitlement, if the tenant has one.
    pub entitlement: Option<EntitlementRecord>,
}

/// An API key, the state of its tenant, and the tenant's entitlement to a product, read together.
#[derive(Clone, Debug)]
pub struct ApiKeyWithTenant {
    /// The key.
    pub api_key: ApiKeyRecord,
    /// The stored status of its tenant.
    pub tenant_status: TenantStatus,
    /// When a pending cancellation of its tenant takes effect.
    pub tenant_cancel_at: Option<Timestamp>,
    /// The tenant's entitlement to the product of the lookup. `None` if there is none, or if the lookup has no product.
    pub entitlement: Option<EntitlementState>,
}

/// A lookup of API keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiKeyLookup {
    /// The prefix of the keys.
    pub prefix: ApiKeyPrefix,
    /// The product whose entitlements are read as well.
    pub product: Option<ProductKey>,
}

/// A successful verification of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyUse {
    /// The key.
    pub id: ApiKeyId,
    /// When the key was verified.
    pub used_at: Timestamp,
    /// The digest to store, if the stored one is missing or outdated.
    pub digest: Option<StoredDigest>,
}

/// Stores tenants.
pub trait TenantStore: Send + Sync + 'static {
    /// Stores a new tenant.
    fn tenant_create(
        &self,
        tenant: TenantRecord,
        event: EventWithResponse,
    ) -> impl Future<Output = Result<TenantCreated, StoreError>> + Send;

    /// Returns the tenant with this id.
    fn tenant_get(&self, id: TenantId) -> impl Future<Output = Result<Option<TenantRecord>, StoreError>> + Send;

    /// Returns the tenant with this slug.
    fn tenant_get_by_slug(
        &self,
        slug: &TenantSlug,
    ) -> impl Future<Output = Result<Option<TenantRecord>, StoreError>> + Send;

    /// Returns a page of the tenants, newest first (by id).
    fn tenant_list(
        &self,
        query: TenantQuery,
    ) -> impl Future<Output = Result<RecordPage<TenantRecord>, StoreError>> + Send;

    /// Changes a tenant as `decide` says. Used by all operations that change a tenant. A new value of a
    /// [`UniqueTenantProperty`] is compared with those of all other tenants.
    fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> impl Future<Output = Result<TenantChanged<E>, StoreError>> + Send;

    /// Deletes a tenant with its projects, entitlements and API keys, if `decide` returns the audit event for it. From then on,
    /// its events have no tenant.
    fn tenant_delete<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> impl Future<Output = Result<Deleted<E>, StoreError>> + Send;
}

/// Stores projects.
pub trait ProjectStore: Send + Sync + 'static {
    /// Stores a new project.
    fn project_create(
        &self,
        project: ProjectRecord,
        event: EventWithResponse,
    ) -> impl Future<Output = Result<ProjectCreated, StoreError>> + Send;

    /// Returns the project with this id.
    fn project_get(&self, id: ProjectId) -> impl Future<Output = Result<Option<ProjectRecord>, StoreError>> + Send;

    /// Returns a page of the projects of a tenant, newest first (by id). `None` if the tenant does not exist.
    fn project_list(
        &self,
        query: ProjectQuery,
    ) -> impl Future<Output = Result<Option<RecordPage<ProjectRecord>>, StoreError>> + Send;

    /// Changes a project as `decide` says.
    fn project_change<E: Send>(
        &self,
        id: ProjectId,
        decide: impl Fn(&ProjectRecord) -> Result<Decision<ProjectRecord>, E> + Send + Sync,
    ) -> impl Future<Output = Result<Changed<ProjectRecord, E>, StoreError>> + Send;

    /// Deletes a project if `decide` returns the audit event for it. `decide` gets the project and the number of its API
    /// keys that are usable at `now`. The other keys of the project lose their `project_id`.
    fn project_delete<E: Send>(
        &self,
        id: ProjectId,
        now: Timestamp,
        decide: impl Fn(&ProjectRecord, u64) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> impl Future<Output = Result<Deleted<E>, StoreError>> + Send;
}

/// Stores entitlements.
pub trait EntitlementStore: Send + Sync + 'static {
    /// Returns the entitlements of a tenant, ordered by the bytes of the product. `None` if the tenant does not exist.
    fn entitlement_list(
        &self,
        tenant_id: TenantId,
    ) -> impl Future<Output = Result<Option<Vec<EntitlementRecord>>, StoreError>> + Send;

    /// Returns the entitlement of a tenant to a product.
    fn entitlement_get(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> impl Future<Output = Result<Option<EntitlementRecord>, StoreError>> + Send;

    /// Creates or changes the entitlement of a tenant to a product as `decide` says. `decide` gets the tenant and the current
    /// entitlement, if there is one. Used by `entitlement_set` and `entitlement_revoke`.
    fn entitlement_change<E: Send>(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        decide: impl Fn(&TenantRecord, Option<EntitlementRecord>) -> Result<EntitlementDecision, E> + Send + Sync,
    ) -> impl Future<Output = Result<EntitlementChanged<E>, StoreError>> + Send;

    /// Returns the entitlement of a tenant to a product, with the state of the tenant. `None` if the tenant does not exist.
    fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> impl Future<Output = Result<Option<EntitlementWithTenant>, StoreError>> + Send;

    /// Stores the trial that `decide` makes for the tenant. If `decide` rejects the trial, the outcome is
    /// [`TrialStarted::Rejected`] even if an entitlement exists.
    fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> impl Future<Output = Result<TrialStarted<E>, StoreError>> + Send;
}

/// Stores API keys.
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Returns a page of the API keys of a tenant, newest first (by id). `None` if the tenant does not exist.
    fn api_key_list(
        &self,
        query: ApiKeyQuery,
    ) -> impl Future<Output = Result<Option<RecordPage<ApiKeyRecord>>, StoreError>> + Send;

    /// Returns the API key with this id.
    fn api_key_get(&self, id: ApiKeyId) -> impl Future<Output = Result<Option<ApiKeyRecord>, StoreError>> + Send;

    /// Stores a new API key.
    fn api_key_create(
        &self,
        api_key: ApiKeyRecord,
        event: EventWithResponse,
    ) -> impl Future<Output = Result<ApiKeyStored, StoreError>> + Send;

    /// Rotates an API key as `decide` says, and returns the successor. Of concurrent rotations of a key, each gets the key as
    /// the one before has left it.
    fn api_key_rotate<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<ApiKeyRotation, E> + Send + Sync,
    ) -> impl Future<Output = Result<Changed<ApiKeyRecord, E>, StoreError>> + Send;

    /// Changes an API key as `decide` says. Used by `api_key_update` and `api_key_revoke`. A later
    /// [`ApiKeyStore::api_key_verify`] returns the changed key on every replica.
    fn api_key_change<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> impl Future<Output = Result<Changed<ApiKeyRecord, E>, StoreError>> + Send;

    /// Returns all keys with this prefix, including revoked ones, with the state of their tenants and the entitlement to the
    /// product, if the lookup has one.
    fn api_key_verify(
        &self,
        lookup: ApiKeyLookup,
    ) -> impl Future<Output = Result<Vec<ApiKeyWithTenant>, StoreError>> + Send;

    /// Sets `last_used_at` of each key to the given time, unless it is later already, and its digest, if the use has one. Skips
    /// keys that do not exist.
    fn api_key_use(&self, uses: &[ApiKeyUse]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Stores the audit log.
pub trait AuditStore: Send + Sync + 'static {
    /// Appends an event. Its number is greater than those of all events that were appended before.
    fn audit_append(&self, event: EventWithResponse) -> impl Future<Output = Result<AuditAppended, StoreError>> + Send;

    /// Appends all events or none. Their numbers increase in the order of the batch, and are greater than those of all events
    /// that were appended before.
    fn audit_append_batch(
        &self,
        batch: EventBatch,
    ) -> impl Future<Output = Result<AuditBatchAppended, StoreError>> + Send;

    /// Returns the event with this number.
    fn audit_get(&self, id: AuditEventId) -> impl Future<Output = Result<Option<AuditEventRecord>, StoreError>> + Send;

    /// Returns up to `query.limit` matching events, newest first (by `created_at`, then number). They end early, but not
    /// before the first, once they have `query.max_bytes`. A store that looks at a bounded number of events can end them early
    /// as well, even before the first.
    fn audit_list(&self, query: AuditQuery) -> impl Future<Output = Result<AuditEventList, StoreError>> + Send;

    /// Removes the tenant from some events of a deleted tenant, which are listed without it already. Returns whether more may be
    /// left. Several replicas can call it at the same time.
    fn audit_clear_deleted_tenant(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Stores the responses to requests with an `Idempotency-Key`. A change that is written with the response to a key that has
/// one already fails with [`StoreError::Unavailable`]: a request with the same key was faster, and its response is to be
/// repeated.
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Returns the response for this key.
    fn idempotency_record_get(
        &self,
        key: &RequestKey,
    ) -> impl Future<Output = Result<Option<StoredResponse>, StoreError>> + Send;

    /// Stores the response to a request that changed nothing. Returns `false` if there is one for its key.
    fn idempotency_record_create(
        &self,
        record: IdempotencyRecord,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes up to `limit` responses that were stored before a time, oldest first, and returns how many. Skips those that
    /// another replica is deleting.
    fn idempotency_records_delete(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// A batch of audit events that was pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrunedBatch {
    /// The number of the last event in the batch, whether it was deleted or not.
    pub last: i64,
    /// How many events of the batch were deleted.
    pub deleted: u64,
}

/// Deletes old audit events for an operator. Not part of [`Store`], because the running service never deletes events.
pub trait AuditPruneStore: Send {
    /// The latest time before which events can be deleted.
    fn audit_prunable_until(&mut self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// Reads the next events with numbers greater than `after`, and deletes those that are older than `before`, together
    /// with an event that records it. `None` if no old events are left.
    fn audit_delete_batch(
        &mut self,
        before: Timestamp,
        after: i64,
    ) -> impl Future<Output = Result<Option<PrunedBatch>, StoreError>> + Send;

    /// Deletes some of the oldest distributed events that are older than `before`, together with an event that records it,
    /// and returns how many. `None` if none are left.
    fn audit_delete_distributed_batch(
        &mut self,
        before: Timestamp,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;
}

/// A batch of audit events that was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedBatch {
    /// The time of the last event in the batch.
    pub last: Timestamp,
    /// How many events were moved.
    pub moved: u64,
}

/// What a distribution of audit events would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPlan {
    /// How many events would be moved.
    pub events: u64,
    /// The time of the oldest of them.
    pub oldest: Option<Timestamp>,
    /// The time of the newest of them.
    pub newest: Option<Timestamp>,
    /// The size of the audit log, with its indexes, without the events that were moved.
    pub log_bytes: u64,
    /// Whether the table for these events is distributed already.
    pub is_distributed: bool,
    /// All workers.
    pub workers: Vec<WorkerShards>,
}

/// A database server that stores distributed events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerShards {
    /// Its host and port.
    pub worker: String,
    /// How many shards it has or would get.
    pub shards: u64,
}

/// Moves old audit events to other database servers for an operator. Not part of [`Store`], because the running service never
/// moves events.
pub trait AuditDistributeStore: Send {
    /// What is missing, each with what to change.
    fn audit_distribution_problems(&mut self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// The time so long ago, by the clock of the store.
    fn audit_time_before(&mut self, age: Duration) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// What would be done for events that are older than `before`.
    fn audit_plan_distribution(
        &mut self,
        before: Timestamp,
        shards: u16,
    ) -> impl Future<Output = Result<DistributionPlan, StoreError>> + Send;

    /// Distributes the table for moved events in this number of shards. Returns false if it is distributed already.
    fn audit_distribute_table(&mut self, shards: u16) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Moves the oldest of the events that are older than `before` and not older than `after`. `None` if none are left. If it
    /// fails, it can be repeated.
    fn audit_move_batch(
        &mut self,
        before: Timestamp,
        after: Option<Timestamp>,
    ) -> impl Future<Output = Result<Option<MovedBatch>, StoreError>> + Send;
}

/// Reports the health of a store.
pub trait StoreHealth: Send + Sync + 'static {
    /// Checks that the store can serve requests.
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the counts of each connection pool.
    fn connections(&self) -> Vec<ConnectionCounts>;

    /// Returns how long the store may still use the primary of its database. `None` if that is not limited.
    fn lease_left(&self) -> Option<Duration>;

    /// Returns where pages of lists were read. `None` if the store has no standbys.
    fn page_reads(&self) -> Option<PageReadCounts>;
}

/// A store for the callers with one tenant scope.
pub trait ScopedStore:
    TenantStore + ProjectStore + EntitlementStore + ApiKeyStore + AuditStore + IdempotencyStore
{
}

impl<T: TenantStore + ProjectStore + EntitlementStore + ApiKeyStore + AuditStore + IdempotencyStore> ScopedStore for T {}

/// Everything that the rules need of a store. Every operation on it says for which tenant scope it runs.
pub trait Store: StoreHealth {
    /// The store for the callers with one tenant scope.
    type Scoped: ScopedStore;

    /// The store for callers with this tenant scope. The rules keep to the scope anyway. A store can enforce it a
    /// second time, so that a record outside the scope does not exist for it.
    fn scoped(&self, tenant_scope: TenantScope) -> Self::Scoped;
}
