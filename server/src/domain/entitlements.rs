//! The rules of entitlements: which products a tenant may use, and until when.

use super::Registry;
use super::caller::Caller;
use super::clock::days_after;
use super::error::{
    Conflict, DomainError, EntitlementRevokeError, EntitlementSetError, Failure, NotFound, PreconditionFailed,
};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::{TRIAL_LENGTH, is_in_service, status_at};
use crate::records::{
    EntitlementDecision, EntitlementRecord, EntitlementState, NewAuditEvent, TenantRecord, TenantScope, stored,
};
use crate::store::{EntitlementChanged, EntitlementStore, EntitlementWithTenant, Store};
use serde_json::{Map, Value};
use tenant_registry_contract::server::IfMatch;
use tenant_registry_contract::types::{
    CatalogEntry, EntitlementCheck, EntitlementCheckReason, EntitlementGrant, EntitlementSet, EntitlementSource,
    JsonObject, ProductKey, TenantId, TenantProduct, TenantProductList, TenantStatus, Timestamp,
};

/// An entitlement after it was set.
#[derive(Clone, Debug, PartialEq)]
pub enum SetEntitlement {
    /// It did not exist before.
    Created(TenantProduct),
    /// It existed before, and is as requested.
    Replaced(TenantProduct),
}

/// Whether an entitlement allows the use of its product at `now`. `None` is no entitlement. Whether the tenant is in service
/// is a separate question.
pub(super) fn entitled_at(entitlement: Option<EntitlementState>, now: Timestamp) -> Result<(), EntitlementCheckReason> {
    let EntitlementState { enabled, expires_at } = entitlement.ok_or(EntitlementCheckReason::None)?;
    if !enabled {
        Err(EntitlementCheckReason::Disabled)
    } else if expires_at.is_some_and(|end| end <= now) {
        Err(EntitlementCheckReason::Expired)
    } else {
        Ok(())
    }
}

impl EntitlementRecord {
    /// A trial that starts at `now`.
    pub(super) fn trial(tenant_id: TenantId, product: ProductKey, now: Timestamp) -> Self {
        Self {
            tenant_id,
            product: stored(product),
            enabled: true,
            config: JsonObject::default(),
            expires_at: Some(days_after(now, TRIAL_LENGTH)),
            source: EntitlementSource::Trial,
            created_at: now,
            updated_at: now,
        }
    }

    /// The entitlement as readers see it at `now`. After its end it is not enabled.
    pub fn into_tenant_product(self, now: Timestamp) -> TenantProduct {
        let is_entitled = entitled_at(Some(self.state()), now).is_ok();
        let Self {
            tenant_id,
            product,
            enabled: _,
            config,
            expires_at,
            source,
            created_at,
            updated_at,
        } = self;
        TenantProduct {
            tenant_id,
            product,
            enabled: is_entitled,
            config,
            expires_at,
            source,
            created_at,
            updated_at,
        }
    }

    /// An audit event about the entitlement. `config` is left out, because it may be large.
    fn event(
        &self,
        action: ServiceAction,
        product: &ProductKey,
        product_name: Option<&str>,
        mut metadata: Map<String, Value>,
        caller: &Caller,
    ) -> NewAuditEvent {
        metadata.insert("enabled".to_owned(), self.enabled.into());
        metadata.insert("source".to_owned(), self.source.as_str().into());
        if let Some(end) = self.expires_at {
            metadata.insert("expires_at".to_owned(), end.to_string().into());
        }
        ServiceEvent {
            action,
            tenant_id: self.tenant_id,
            project_id: None,
            target_id: product.as_str().to_owned(),
            target_name: product_name,
            product: Some(product),
            metadata,
        }
        .caused_by(caller, self.updated_at)
    }

    /// The names of the members that differ.
    fn differences(&self, other: &Self) -> Vec<Value> {
        let members = [
            ("enabled", self.enabled != other.enabled),
            ("config", self.config != other.config),
            ("expires_at", self.expires_at != other.expires_at),
            ("source", self.source != other.source),
        ];
        let differing = members.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name.into()).collect()
    }

    /// Revokes the entitlement. If it is disabled already, nothing changes.
    fn revoke(
        self,
        product: &ProductKey,
        product_name: Option<&str>,
        caller: &Caller,
        now: Timestamp,
    ) -> EntitlementDecision {
        if !self.enabled {
            return EntitlementDecision::Unchanged(self);
        }
        let revoked = Self {
            enabled: false,
            updated_at: now,
            ..self
        };
        let event = revoked.event(
            ServiceAction::EntitlementRevoked,
            product,
            product_name,
            Map::new(),
            caller,
        );
        EntitlementDecision::change(revoked, event)
    }
}

/// The source of an entitlement that is set.
fn source_of(grant: EntitlementGrant) -> EntitlementSource {
    match grant {
        EntitlementGrant::Purchase => EntitlementSource::Purchase,
        EntitlementGrant::Override => EntitlementSource::Override,
    }
}

/// Sets an entitlement. If it is as requested already, nothing is checked: a request that was accepted can be repeated.
fn set(
    tenant: &TenantRecord,
    current: Option<EntitlementRecord>,
    product: &CatalogEntry,
    body: &EntitlementSet,
    caller: &Caller,
    now: Timestamp,
) -> Result<EntitlementDecision, Conflict> {
    let EntitlementSet {
        enabled,
        config,
        expires_at,
        source,
    } = body.clone();
    let requested = EntitlementRecord {
        tenant_id: tenant.id,
        product: stored::<ProductKey>(product.key.clone()),
        enabled,
        config,
        expires_at,
        source: source_of(source),
        created_at: current.as_ref().map_or(now, |current| current.created_at),
        updated_at: now,
    };
    let differences = match current {
        None => None,
        Some(current) => match requested.differences(&current) {
            differences if differences.is_empty() => return Ok(EntitlementDecision::Unchanged(current)),
            differences => Some(differences),
        },
    };
    if tenant.status_at(now) == TenantStatus::Archived {
        return Err(Conflict("the tenant is archived, which is final".to_owned()));
    }
    match source {
        EntitlementGrant::Purchase => require_plan(tenant, product)?,
        EntitlementGrant::Override => {}
    }
    let mut metadata = Map::new();
    let action = match differences {
        None => ServiceAction::EntitlementGranted,
        Some(differences) => {
            metadata.insert("changed".to_owned(), differences.into());
            ServiceAction::EntitlementChanged
        }
    };
    let event = requested.event(action, &product.key, Some(product.name.as_str()), metadata, caller);
    Ok(EntitlementDecision::change(requested, event))
}

/// Rejects a purchase that the tenant's plan does not allow.
fn require_plan(tenant: &TenantRecord, product: &CatalogEntry) -> Result<(), Conflict> {
    let plans = &product.plans_required;
    if plans.is_empty() || plans.iter().any(|plan| plan.as_str() == tenant.plan.as_str()) {
        return Ok(());
    }
    let plans: Vec<String> = plans.iter().map(|plan| format!("`{plan}`")).collect();
    Err(Conflict(format!(
        "the product `{}` requires the plan {}, but the tenant has `{}`; change its plan first, or set the entitlement with \
         `source: override`",
        product.key,
        plans.join(" or "),
        tenant.plan
    )))
}

/// The error for an entitlement that never existed.
fn no_entitlement(tenant_id: TenantId, product: &ProductKey) -> NotFound {
    NotFound(format!("the tenant {tenant_id} has no entitlement to `{product}`"))
}

fn not_entitled(reason: EntitlementCheckReason) -> EntitlementCheck {
    EntitlementCheck {
        entitled: false,
        reason: Some(reason),
        expires_at: None,
        config: None,
    }
}

impl<S: Store> Registry<S> {
    /// Checks whether a tenant may use a product now. A foreign tenant is unknown.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: ProductKey,
        tenant_scope: TenantScope,
    ) -> Result<EntitlementCheck, Failure> {
        if !tenant_scope.includes(tenant_id) {
            return Ok(not_entitled(EntitlementCheckReason::UnknownTenant));
        }
        let Some(found) = self
            .store
            .scoped(tenant_scope)
            .entitlement_check(tenant_id, &product)
            .await?
        else {
            return Ok(not_entitled(EntitlementCheckReason::UnknownTenant));
        };
        let EntitlementWithTenant {
            tenant_status,
            tenant_cancel_at,
            entitlement,
        } = found;
        let now = self.clock.now();
        if !is_in_service(status_at(tenant_status, tenant_cancel_at, now)) {
            return Ok(not_entitled(EntitlementCheckReason::TenantInactive));
        }
        if let Err(reason) = entitled_at(entitlement.as_ref().map(EntitlementRecord::state), now) {
            // An entitlement outlives the product's entry in the catalog.
            let is_unknown = reason == EntitlementCheckReason::None && !self.catalog.has_product(&product);
            return Ok(not_entitled(if is_unknown {
                EntitlementCheckReason::UnknownProduct
            } else {
                reason
            }));
        }
        Ok(EntitlementCheck {
            entitled: true,
            reason: None,
            expires_at: entitlement.as_ref().and_then(|it| it.expires_at),
            config: entitlement.map(|it| it.config),
        })
    }

    /// Lists the entitlements of a tenant, ordered by product.
    ///
    /// # Errors
    /// [`NotFound`] if the tenant does not exist.
    pub async fn entitlement_list(
        &self,
        tenant_id: TenantId,
        tenant_scope: TenantScope,
    ) -> Result<TenantProductList, DomainError<NotFound>> {
        tenant_scope.require(tenant_id).map_err(DomainError::rejected)?;
        let Some(entitlements) = self.store.scoped(tenant_scope).entitlement_list(tenant_id).await? else {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        };
        let now = self.clock.now();
        Ok(TenantProductList {
            items: entitlements
                .into_iter()
                .map(|entitlement| entitlement.into_tenant_product(now))
                .collect(),
        })
    }

    /// Returns the entitlement of a tenant to a product.
    ///
    /// # Errors
    /// [`NotFound`] if the tenant does not exist or never had one.
    pub async fn entitlement_get(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        tenant_scope: TenantScope,
    ) -> Result<TenantProduct, DomainError<NotFound>> {
        if tenant_scope.includes(tenant_id)
            && let Some(entitlement) = self
                .store
                .scoped(tenant_scope)
                .entitlement_get(tenant_id, product)
                .await?
        {
            return Ok(entitlement.into_tenant_product(self.clock.now()));
        }
        Err(DomainError::rejected(no_entitlement(tenant_id, product)))
    }

    /// Sets the entitlement of a tenant to a product. Works for every tenant that is not archived.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant or the product does not exist.
    /// - [`PreconditionFailed`] if the entitlement does not match `if_match`, or does not exist.
    /// - [`Conflict`] if the tenant is archived, or if it is a purchase that its plan does not allow.
    pub async fn entitlement_set(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        if_match: Option<IfMatch<TenantProduct>>,
        body: EntitlementSet,
        caller: &Caller,
    ) -> Result<SetEntitlement, DomainError<EntitlementSetError>> {
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        let entry = self.catalog.product(product).map_err(DomainError::rejected)?;
        let decide = |tenant: &TenantRecord, current: Option<EntitlementRecord>| {
            let now = self.clock.now();
            let seen = current.clone().map(|current| current.into_tenant_product(now));
            PreconditionFailed::check_optional(if_match.as_ref(), seen.as_ref())?;
            Ok::<_, EntitlementSetError>(set(tenant, current, entry, &body, caller, now)?)
        };
        let seen = |entitlement: EntitlementRecord| entitlement.into_tenant_product(self.clock.now());
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .entitlement_change(tenant_id, product, decide)
            .await?
        {
            EntitlementChanged::Created(entitlement) => Ok(SetEntitlement::Created(seen(entitlement))),
            EntitlementChanged::Stored(entitlement) => Ok(SetEntitlement::Replaced(seen(entitlement))),
            EntitlementChanged::Rejected(error) => Err(DomainError::rejected(error)),
            EntitlementChanged::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
        }
    }

    /// Revokes the entitlement of a tenant to a product, whatever the status of the tenant, and also if the catalog no longer
    /// has the product.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist or never had the entitlement.
    /// - [`PreconditionFailed`] if the entitlement does not match `if_match`.
    pub async fn entitlement_revoke(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        if_match: Option<IfMatch<TenantProduct>>,
        caller: &Caller,
    ) -> Result<(), DomainError<EntitlementRevokeError>> {
        let not_found = || no_entitlement(tenant_id, product);
        if !caller.identity.tenant_scope.includes(tenant_id) {
            return Err(DomainError::rejected(not_found()));
        }
        let name = self.catalog.product(product).ok().map(|entry| entry.name.as_str());
        let decide = |_: &TenantRecord, current: Option<EntitlementRecord>| {
            let current = current.ok_or_else(not_found)?;
            let now = self.clock.now();
            PreconditionFailed::check(if_match.as_ref(), &current.clone().into_tenant_product(now))?;
            Ok::<_, EntitlementRevokeError>(current.revoke(product, name, caller, now))
        };
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .entitlement_change(tenant_id, product, decide)
            .await?
        {
            EntitlementChanged::Created(_) | EntitlementChanged::Stored(_) => Ok(()),
            EntitlementChanged::Rejected(error) => Err(DomainError::rejected(error)),
            EntitlementChanged::TenantNotFound => Err(DomainError::rejected(not_found())),
        }
    }
}
