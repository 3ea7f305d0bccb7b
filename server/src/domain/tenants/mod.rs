//! The rules of tenants: creating, reading, listing, updating, activating, cancelling, archiving and deleting them.

mod activate;
mod archive;
mod cancel;
mod contract;
mod delete;
mod list;
#[cfg(test)]
mod tests;
mod update;

use super::Registry;
use super::caller::Caller;
use super::clock::days_after;
use super::cursor::Page;
use super::error::{
    Conflict, DomainError, Failure, InvalidInput, NotFound, PreconditionFailed, TenantChangeError, TenantCreateError,
    TenantDeleteError,
};
use super::service_event::{ServiceAction, ServiceEvent};
use crate::records::{NewAuditEvent, TenantRecord, TenantScope, stored};
use crate::store::{AuditStore, Changed, Deleted, Store, TenantChanged, TenantCreated, TenantStore};
use chrono::Days;
use serde_json::{Map, Value};
use tenant_registry_contract::server::{IfMatch, TenantListParams};
use tenant_registry_contract::types::{
    PlanKey, Tenant, TenantActivate, TenantCreate, TenantId, TenantKind, TenantPage, TenantSlug, TenantStatus,
    TenantUpdate, Text, Timestamp,
};
use uuid::Uuid;

/// Length of the trial of a new customer or of a product.
pub(crate) const TRIAL_LENGTH: Days = Days::new(14);

/// The status at `now`. A pending cancellation takes effect at its time without any job that writes it.
pub fn status_at(stored: TenantStatus, cancel_at: Option<Timestamp>, now: Timestamp) -> TenantStatus {
    match stored {
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Active => {
            if cancel_at.is_some_and(|instant| instant <= now) {
                TenantStatus::Frozen
            } else {
                stored
            }
        }
        TenantStatus::Frozen | TenantStatus::Archived => stored,
    }
}

/// Whether a tenant with this status may use its products and keys.
pub(crate) fn is_in_service(status: TenantStatus) -> bool {
    match status {
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Active => true,
        TenantStatus::Frozen | TenantStatus::Archived => false,
    }
}

impl TenantRecord {
    /// The status at `now`, with a pending cancellation taken into account.
    pub fn status_at(&self, now: Timestamp) -> TenantStatus {
        status_at(self.status, self.cancel_at, now)
    }

    /// The tenant as readers see it at `now`.
    pub fn as_of(&self, now: Timestamp) -> Tenant {
        let status = self.status_at(now);
        Tenant {
            id: self.id,
            slug: self.slug.clone(),
            name: self.name.clone(),
            status,
            kind: self.kind,
            plan: self.plan.clone(),
            erp_customer_id: self.erp_customer_id.clone(),
            stripe_cust_id: self.stripe_cust_id.clone(),
            trial_ends_at: self.trial_ends_at,
            contract_start: self.contract_start,
            contract_end: self.contract_end,
            cancel_at: self.cancel_at.filter(|_| is_in_service(status)),
            sales_owner: self.sales_owner.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// A new tenant.
    fn new(id: TenantId, body: TenantCreate, now: Timestamp) -> Self {
        let TenantCreate {
            slug,
            name,
            plan,
            kind,
            sales_owner,
        } = body;
        let (status, trial_ends_at) = match kind {
            TenantKind::Customer => (TenantStatus::Trial, Some(days_after(now, TRIAL_LENGTH))),
            TenantKind::Demo => (TenantStatus::Demo, None),
        };
        Self {
            id,
            slug,
            name,
            status,
            kind,
            plan: stored::<PlanKey>(plan),
            erp_customer_id: None,
            stripe_cust_id: None,
            trial_ends_at,
            contract_start: None,
            contract_end: None,
            cancel_at: None,
            sales_owner: sales_owner.map(stored::<Text>),
            created_at: now,
            updated_at: now,
        }
    }

    fn event(
        &self,
        action: ServiceAction,
        metadata: Map<String, Value>,
        caller: &Caller,
        now: Timestamp,
    ) -> NewAuditEvent {
        ServiceEvent {
            action,
            tenant_id: self.id,
            project_id: None,
            target_id: self.id.to_string(),
            target_name: Some(self.name.as_str()),
            product: None,
            metadata,
        }
        .caused_by(caller, now)
    }
}

impl<S: Store> Registry<S> {
    /// Creates a tenant. A customer starts in `trial`, a demo in `demo`.
    ///
    /// # Errors
    /// - [`Forbidden`](super::error::Forbidden) if the caller's tenant scope is one tenant.
    /// - [`Conflict`] if the slug is in use.
    pub async fn tenant_create(
        &self,
        body: TenantCreate,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantCreateError>> {
        caller
            .identity
            .tenant_scope
            .require_all()
            .map_err(DomainError::rejected)?;
        let now = self.clock.now();
        let tenant = TenantRecord::new(self.clock.new_id(now).into(), body, now);
        let mut metadata = Map::new();
        metadata.insert("slug".to_owned(), tenant.slug.as_str().into());
        metadata.insert("kind".to_owned(), tenant.kind.as_str().into());
        metadata.insert("plan".to_owned(), tenant.plan.as_str().into());
        let event = tenant.event(ServiceAction::TenantCreated, metadata, caller, now);
        let event = caller.with_response(event, &tenant.as_of(now))?;
        let slug = tenant.slug.clone();
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_create(tenant, event)
            .await?
        {
            TenantCreated::Created(tenant) => Ok(tenant.as_of(now)),
            TenantCreated::SlugInUse => Err(DomainError::rejected(Conflict(format!(
                "the slug `{slug}` is in use; choose another"
            )))),
        }
    }

    /// Returns the tenant with this id.
    ///
    /// # Errors
    /// [`NotFound`] if there is none.
    pub async fn tenant_get(&self, id: TenantId, tenant_scope: TenantScope) -> Result<Tenant, DomainError<NotFound>> {
        tenant_scope.require(id).map_err(DomainError::rejected)?;
        match self.store.scoped(tenant_scope).tenant_get(id).await? {
            Some(tenant) => Ok(tenant.as_of(self.clock.now())),
            None => Err(DomainError::rejected(NotFound::no_tenant_with_id(id))),
        }
    }

    /// Returns the tenant with this slug.
    ///
    /// # Errors
    /// [`NotFound`] if there is none.
    pub async fn tenant_get_by_slug(
        &self,
        slug: TenantSlug,
        tenant_scope: TenantScope,
    ) -> Result<Tenant, DomainError<NotFound>> {
        match self.store.scoped(tenant_scope).tenant_get_by_slug(&slug).await? {
            Some(tenant) if tenant_scope.includes(tenant.id) => Ok(tenant.as_of(self.clock.now())),
            Some(_) | None => Err(DomainError::rejected(NotFound(format!(
                "no tenant has the slug `{slug}`"
            )))),
        }
    }

    /// Lists a page of the tenants in the caller's tenant scope, newest first.
    ///
    /// # Errors
    /// [`InvalidInput`] if the cursor belongs to other filters.
    pub async fn tenant_list(
        &self,
        params: TenantListParams,
        tenant_scope: TenantScope,
    ) -> Result<TenantPage, DomainError<InvalidInput>> {
        let list::List { filters, query } =
            list::tenant_list(params, tenant_scope, self.clock.now()).map_err(DomainError::rejected)?;
        let now = query.now;
        let found = self.store.scoped(tenant_scope).tenant_list(query).await?;
        let id = |tenant: &TenantRecord| Uuid::from(tenant.id);
        let Page { items, next_cursor } = filters.page(found, TenantPage::MAX_BYTES, id, |tenant| tenant.as_of(now))?;
        Ok(TenantPage { items, next_cursor })
    }

    /// Changes the members of `body`.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is archived, if another tenant has the same external id, or if the end of a trial changes and the
    ///   tenant is not on trial.
    /// - [`InvalidInput`] if the contract would end before it starts, or a trial in the past.
    pub async fn tenant_update(
        &self,
        id: TenantId,
        if_match: Option<IfMatch<Tenant>>,
        body: TenantUpdate,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantChangeError>> {
        caller
            .identity
            .tenant_scope
            .require(id)
            .map_err(DomainError::rejected)?;
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_change(id, |tenant: &TenantRecord| {
                let now = self.clock.now();
                PreconditionFailed::check(if_match.as_ref(), &tenant.as_of(now)).map_err(DomainError::rejected)?;
                update::tenant_update(tenant, &body, caller, now)
            })
            .await?;
        self.tenant_changed(id, changed, caller).await
    }

    /// Activates a tenant and stores the members of `body`.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is archived, or if another tenant has the same `erp_customer_id`.
    /// - [`InvalidInput`] if the contract would end before it starts.
    pub async fn tenant_activate(
        &self,
        id: TenantId,
        if_match: Option<IfMatch<Tenant>>,
        body: TenantActivate,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantChangeError>> {
        caller
            .identity
            .tenant_scope
            .require(id)
            .map_err(DomainError::rejected)?;
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_change(id, |tenant: &TenantRecord| {
                let now = self.clock.now();
                PreconditionFailed::check(if_match.as_ref(), &tenant.as_of(now)).map_err(DomainError::rejected)?;
                activate::tenant_activate(tenant, &body, caller, now)
            })
            .await?;
        self.tenant_changed(id, changed, caller).await
    }

    /// Cancels a tenant, now or at the end of its period. The tenant becomes `frozen`.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is archived.
    /// - [`InvalidInput`] if `at_period_end` is set and the period has no end.
    pub async fn tenant_cancel(
        &self,
        id: TenantId,
        if_match: Option<IfMatch<Tenant>>,
        reason: Option<Text>,
        at_period_end: bool,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantChangeError>> {
        caller
            .identity
            .tenant_scope
            .require(id)
            .map_err(DomainError::rejected)?;
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_change(id, |tenant: &TenantRecord| {
                let now = self.clock.now();
                PreconditionFailed::check(if_match.as_ref(), &tenant.as_of(now)).map_err(DomainError::rejected)?;
                cancel::tenant_cancel(tenant, reason.as_ref(), at_period_end, caller, now)
            })
            .await?;
        self.tenant_changed(id, changed, caller).await
    }

    /// Archives a tenant, for good.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is active.
    pub async fn tenant_archive(
        &self,
        id: TenantId,
        if_match: Option<IfMatch<Tenant>>,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantChangeError>> {
        caller
            .identity
            .tenant_scope
            .require(id)
            .map_err(DomainError::rejected)?;
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_change(id, |tenant: &TenantRecord| {
                let now = self.clock.now();
                PreconditionFailed::check(if_match.as_ref(), &tenant.as_of(now)).map_err(DomainError::rejected)?;
                archive::tenant_archive(tenant, caller, now)
            })
            .await?;
        self.tenant_changed(id, changed, caller).await
    }

    /// Deletes a tenant with its projects, entitlements and API keys. Its audit events remain, without a tenant.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is not archived.
    pub async fn tenant_delete(
        &self,
        id: TenantId,
        if_match: Option<IfMatch<Tenant>>,
        caller: &Caller,
    ) -> Result<(), DomainError<TenantDeleteError>> {
        caller
            .identity
            .tenant_scope
            .require(id)
            .map_err(DomainError::rejected)?;
        let deleted = self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_delete(id, |tenant: &TenantRecord| {
                let now = self.clock.now();
                PreconditionFailed::check(if_match.as_ref(), &tenant.as_of(now)).map_err(DomainError::rejected)?;
                delete::tenant_delete(tenant, caller, now)
            })
            .await?;
        match deleted {
            Deleted::Deleted => {
                self.tenant_deleted.notify_one();
                Ok(())
            }
            Deleted::Rejected(error) => Err(error),
            Deleted::NotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(id))),
        }
    }

    /// Removes the tenant from audit events of deleted tenants, some of them. Returns whether more may be left.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn audit_clear_deleted_tenant(&self) -> Result<bool, Failure> {
        Ok(self.store.scoped(TenantScope::All).audit_clear_deleted_tenant().await?)
    }

    /// Returns when a tenant has been deleted.
    pub async fn tenant_deleted(&self) {
        self.tenant_deleted.notified().await;
    }

    async fn tenant_changed(
        &self,
        id: TenantId,
        changed: TenantChanged<DomainError<TenantChangeError>>,
        caller: &Caller,
    ) -> Result<Tenant, DomainError<TenantChangeError>> {
        match changed {
            // As of the change, because a repeated request gets the same response.
            TenantChanged::Decided(Changed::Stored(tenant)) => Ok(tenant.as_of(tenant.updated_at)),
            TenantChanged::Decided(Changed::Unchanged(tenant)) => {
                let tenant = tenant.as_of(self.clock.now());
                self.store_response(caller, id, &tenant).await?;
                Ok(tenant)
            }
            TenantChanged::Decided(Changed::Rejected(error)) => Err(error),
            TenantChanged::Decided(Changed::NotFound) => Err(DomainError::rejected(NotFound::no_tenant_with_id(id))),
            TenantChanged::InUse(property) => Err(DomainError::rejected(Conflict(format!(
                "`{}`: another tenant has this id; correct the id, or remove it from the other tenant",
                property.as_str()
            )))),
        }
    }
}
