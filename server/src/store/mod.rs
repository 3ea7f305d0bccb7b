//! What the rules ask of a store: one small trait for each concern, gathered in [`Store`].
//!
//! Transactional in shape: whatever changes state takes its audit event along, and both are written or neither is. A
//! change that depends on what is stored comes as a function; the store calls it on the record as it stands inside the
//! transaction, and may call it again when it has to repeat the transaction. What a duplicate or missing record means is
//! for the caller to say, so that these outcomes are values and not errors.

pub mod memory;
pub mod postgres;

use crate::records::{
    ApiKeyRecord, AuditEventRecord, AuditQuery, ConnectionCounts, Decision, EntitlementRecord, InternalDetail,
    NewAuditEvent, TenantRecord,
};
use chrono::{DateTime, Utc};
use std::future::Future;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPrefix, TenantId, TenantSlug, TenantStatus};
use thiserror::Error;

/// Why a store did not do its work. The detail is for the log.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// It cannot be reached or has no room; nothing was changed.
    #[error("the store is unavailable")]
    Unavailable(InternalDetail),
    /// It was lost while it committed: the change may have been made, or not.
    #[error("the store was lost while it committed")]
    OutcomeUnknown(InternalDetail),
    /// It holds what it should not hold, or refused what it should take.
    #[error("the store failed")]
    Internal(InternalDetail),
}

/// What became of a change to a stored record.
#[derive(Clone, Debug)]
pub enum Changed<T, E> {
    /// The record as it is stored now, changed or not.
    Stored(T),
    /// The rule refused; nothing was written.
    Rejected(E),
    /// There is no such record.
    NotFound,
}

/// What became of a new tenant.
#[derive(Clone, Debug)]
pub enum TenantCreated {
    /// As it is stored.
    Created(Box<TenantRecord>),
    /// Another tenant has the slug.
    SlugInUse,
}

/// What became of a new API key.
#[derive(Clone, Debug)]
pub enum ApiKeyStored {
    /// As it is stored.
    Created(Box<ApiKeyRecord>),
    /// No tenant has the id.
    TenantNotFound,
}

/// What became of a new audit event.
#[derive(Clone, Debug)]
pub enum AuditAppended {
    /// As it is stored.
    Appended(Box<AuditEventRecord>),
    /// No tenant has the id.
    TenantNotFound,
}

/// A trial to be stored, and its audit event.
#[derive(Clone, Debug)]
pub struct NewTrial {
    /// The entitlement.
    pub entitlement: EntitlementRecord,
    /// What the audit log says about it.
    pub event: NewAuditEvent,
}

/// What became of a new trial.
#[derive(Clone, Debug)]
pub enum TrialStarted<E> {
    /// As it is stored.
    Started(EntitlementRecord),
    /// The tenant has an entitlement to the product already, of whatever state.
    EntitlementExists,
    /// The rule refused; nothing was written.
    Rejected(E),
    /// No tenant has the id.
    TenantNotFound,
}

/// An API key, and what decides whether its tenant is in service: read in one look.
#[derive(Clone, Debug)]
pub struct ApiKeyWithTenant {
    /// The key.
    pub api_key: ApiKeyRecord,
    /// The stored status of its tenant.
    pub tenant_status: TenantStatus,
    /// The pending cancellation of its tenant.
    pub tenant_cancel_at: Option<DateTime<Utc>>,
}

/// That a key verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyUse {
    /// The key.
    pub id: ApiKeyId,
    /// When.
    pub used_at: DateTime<Utc>,
}

/// Tenants.
pub trait TenantStore: Send + Sync + 'static {
    /// Stores a new tenant.
    fn tenant_create(
        &self,
        tenant: TenantRecord,
        event: NewAuditEvent,
    ) -> impl Future<Output = Result<TenantCreated, StoreError>> + Send;

    /// The tenant with this id.
    fn tenant_get(&self, id: TenantId) -> impl Future<Output = Result<Option<TenantRecord>, StoreError>> + Send;

    /// The tenant with this slug.
    fn tenant_get_by_slug(
        &self,
        slug: &TenantSlug,
    ) -> impl Future<Output = Result<Option<TenantRecord>, StoreError>> + Send;

    /// Changes a tenant as `decide` says; serves `tenant_activate` and `tenant_cancel`.
    fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> impl Future<Output = Result<Changed<TenantRecord, E>, StoreError>> + Send;
}

/// Entitlements, and the trials that create them.
pub trait EntitlementStore: Send + Sync + 'static {
    /// The entitlements of a tenant, ordered by the product's bytes; none when there is no such tenant.
    fn entitlement_list(
        &self,
        tenant_id: TenantId,
    ) -> impl Future<Output = Result<Option<Vec<EntitlementRecord>>, StoreError>> + Send;

    /// Stores the trial that `decide` makes for the tenant. A refusal comes before an entitlement that exists.
    fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> impl Future<Output = Result<TrialStarted<E>, StoreError>> + Send;
}

/// API keys.
pub trait ApiKeyStore: Send + Sync + 'static {
    /// The API keys of a tenant, newest first (by `created_at`, then id); none when there is no such tenant.
    fn api_key_list(
        &self,
        tenant_id: TenantId,
    ) -> impl Future<Output = Result<Option<Vec<ApiKeyRecord>>, StoreError>> + Send;

    /// Stores a new API key.
    fn api_key_create(
        &self,
        api_key: ApiKeyRecord,
        event: NewAuditEvent,
    ) -> impl Future<Output = Result<ApiKeyStored, StoreError>> + Send;

    /// Changes an API key as `decide` says. Once this has returned, no [`ApiKeyStore::api_key_verify`] on any replica
    /// shows the key as it was.
    fn api_key_revoke<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> impl Future<Output = Result<Changed<ApiKeyRecord, E>, StoreError>> + Send;

    /// All keys with this prefix, revoked ones too, each with its tenant's state.
    fn api_key_verify(
        &self,
        prefix: &ApiKeyPrefix,
    ) -> impl Future<Output = Result<Vec<ApiKeyWithTenant>, StoreError>> + Send;

    /// Moves `last_used_at` of each key forward to the given time, never back. A key that does not exist is skipped.
    fn api_key_use(&self, uses: &[ApiKeyUse]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The audit log.
pub trait AuditStore: Send + Sync + 'static {
    /// Appends an event. Its number is greater than that of every event that was appended before.
    fn audit_append(&self, event: NewAuditEvent) -> impl Future<Output = Result<AuditAppended, StoreError>> + Send;

    /// The events that match, newest first (by `created_at`, then number), at most as many as asked for.
    fn audit_list(&self, query: AuditQuery) -> impl Future<Output = Result<Vec<AuditEventRecord>, StoreError>> + Send;
}

/// Whether the store answers at all.
pub trait StoreHealth: Send + Sync + 'static {
    /// Asks the store the least that shows that it can serve.
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What its connections do; none where it needs none.
    fn connections(&self) -> Option<ConnectionCounts>;
}

/// All of it.
pub trait Store: TenantStore + EntitlementStore + ApiKeyStore + AuditStore + StoreHealth {}

impl<T: TenantStore + EntitlementStore + ApiKeyStore + AuditStore + StoreHealth> Store for T {}
