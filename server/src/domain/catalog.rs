//! The product catalog, and the rules of requesting and trying a product.

use super::Registry;
use super::caller::Caller;
use super::error::{Conflict, DomainError, InvalidInput, NotFound, TrialError};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::is_in_service;
use crate::records::{EntitlementRecord, NewAuditEvent, TenantRecord};
use crate::store::{AuditAppended, AuditStore, EntitlementStore, NewTrial, Store, TrialStarted};
use serde_json::Map;
use tenant_registry_contract::types::{CatalogEntry, CatalogEntryList, ProductKey, TenantId, TenantProduct, Timestamp};

/// The products of this deployment, in the order of the catalog file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog(Vec<CatalogEntry>);

impl Catalog {
    /// A catalog of these products, in this order. Keys should be unique; only the first product with a key is found.
    pub fn new(products: Vec<CatalogEntry>) -> Self {
        Self(products)
    }

    /// The products, in order.
    pub fn products(&self) -> &[CatalogEntry] {
        &self.0
    }

    /// Whether a product has this key.
    pub(super) fn has_product(&self, key: &ProductKey) -> bool {
        self.product(key).is_ok()
    }

    pub(super) fn product(&self, key: &ProductKey) -> Result<&CatalogEntry, NotFound> {
        self.0.iter().find(|product| product.key == *key).ok_or_else(|| {
            NotFound(format!(
                "the catalog has no product `{key}`; GET /v1/catalog lists them"
            ))
        })
    }
}

/// The event of an action on a product.
fn product_event(
    product: &CatalogEntry,
    action: ServiceAction,
    tenant_id: TenantId,
    caller: &Caller,
    now: Timestamp,
) -> NewAuditEvent {
    ServiceEvent {
        action,
        tenant_id,
        project_id: None,
        target_id: product.key.as_str().to_owned(),
        target_name: Some(product.name.as_str()),
        product: Some(&product.key),
        metadata: Map::new(),
    }
    .caused_by(caller, now)
}

/// Starts a trial for a tenant that is in service. Otherwise the tenant could not use the days of the trial.
fn trial(
    product: &CatalogEntry,
    tenant: &TenantRecord,
    caller: &Caller,
    now: Timestamp,
) -> Result<NewTrial, DomainError<TrialError>> {
    let status = tenant.status_at(now);
    if !is_in_service(status) {
        return Err(DomainError::rejected(Conflict(format!(
            "the tenant is {status} and cannot start a trial"
        ))));
    }
    let entitlement = EntitlementRecord::trial(tenant.id, product.key.clone(), now);
    let event = product_event(product, ServiceAction::CatalogTrialStarted, tenant.id, caller, now);
    Ok(NewTrial {
        event: caller.with_response(event, &entitlement.clone().into_tenant_product(now))?,
        entitlement,
    })
}

impl<S: Store> Registry<S> {
    /// Lists the catalog, in the order of its file.
    pub fn catalog_list(&self) -> CatalogEntryList {
        CatalogEntryList {
            items: self.catalog.products().to_vec(),
        }
    }

    /// Records that a tenant requests a product. Works for every tenant, even a frozen one, because sales follows up.
    ///
    /// # Errors
    /// [`NotFound`] if the tenant or the product does not exist.
    pub async fn catalog_request(
        &self,
        tenant_id: TenantId,
        product: ProductKey,
        caller: &Caller,
    ) -> Result<(), DomainError<NotFound>> {
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        let product = self.catalog.product(&product).map_err(DomainError::rejected)?;
        let event = product_event(
            product,
            ServiceAction::CatalogRequested,
            tenant_id,
            caller,
            self.clock.now(),
        );
        let event = caller.with_empty_response(event)?;
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .audit_append(event)
            .await?
        {
            AuditAppended::Appended(_) => Ok(()),
            AuditAppended::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
        }
    }

    /// Starts a tenant's trial of a product.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant or the product does not exist.
    /// - [`InvalidInput`] if the product supports no trial.
    /// - [`Conflict`] if the tenant is frozen or archived, or has or had an entitlement to the product.
    pub async fn catalog_trial_request(
        &self,
        tenant_id: TenantId,
        product: ProductKey,
        caller: &Caller,
    ) -> Result<TenantProduct, DomainError<TrialError>> {
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        let product = self.catalog.product(&product).map_err(DomainError::rejected)?;
        let started = self
            .store
            .scoped(caller.identity.tenant_scope)
            .catalog_trial_request(tenant_id, |tenant: &TenantRecord| {
                if !product.supports_trial {
                    return Err(DomainError::rejected(InvalidInput(format!(
                        "`product`: `{}` supports no trial; use POST /v1/catalog/request to ask sales for it",
                        product.key
                    ))));
                }
                trial(product, tenant, caller, self.clock.now())
            })
            .await?;
        match started {
            TrialStarted::Started(entitlement) => Ok(entitlement.into_tenant_product(self.clock.now())),
            TrialStarted::EntitlementExists => Err(DomainError::rejected(Conflict(format!(
                "the tenant has, or has had, the product `{}`; a product can be tried once",
                product.key
            )))),
            TrialStarted::Rejected(error) => Err(error),
            TrialStarted::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
        }
    }
}
