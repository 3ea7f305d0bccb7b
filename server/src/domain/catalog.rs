//! The catalog: what there is, and how a tenant asks for a product or tries it.

use super::Registry;
use super::caller::Caller;
use super::error::{Conflict, DomainError, InvalidInput, NotFound, TenantChangeError};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::{is_in_service, no_tenant_with_id};
use crate::records::{EntitlementRecord, NewAuditEvent, TenantRecord};
use crate::store::{AuditAppended, NewTrial, Store, TrialStarted};
use chrono::{DateTime, Utc};
use serde_json::Map;
use tenant_registry_contract::types::{
    CatalogEntry, CatalogEntryList, ConstraintError, PlanKey, ProductKey, TenantId, TenantProduct,
};

/// A product that any tenant can request.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Unique in the catalog.
    pub key: ProductKey,
    /// The name for people.
    pub name: String,
    /// What the product does.
    pub description: String,
    /// The plans that may use it; empty where any plan may.
    pub plans_required: Vec<PlanKey>,
    /// Where to see it.
    pub demo_url: Option<String>,
    /// Can a tenant start a trial of it?
    pub supports_trial: bool,
}

/// The deployment's products, in the order of the catalog's file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog(Vec<Product>);

impl Catalog {
    /// The catalog of these products, in this order. Of two with one key only the first is ever found.
    pub fn new(products: Vec<Product>) -> Self {
        Self(products)
    }

    /// The products, in order.
    pub fn products(&self) -> &[Product] {
        &self.0
    }

    fn product(&self, key: &ProductKey) -> Result<&Product, NotFound> {
        self.0.iter().find(|product| product.key == *key).ok_or_else(|| {
            NotFound(format!(
                "the catalog has no product `{key}`; GET /v1/catalog lists them"
            ))
        })
    }
}

impl Product {
    fn catalog_entry(&self) -> CatalogEntry {
        CatalogEntry {
            key: self.key.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            plans_required: self.plans_required.clone(),
            demo_url: self.demo_url.clone(),
            supports_trial: self.supports_trial,
        }
    }

    fn event(
        &self,
        action: ServiceAction,
        tenant_id: TenantId,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<NewAuditEvent, ConstraintError> {
        ServiceEvent {
            action,
            tenant_id,
            target_id: self.key.as_str().to_owned(),
            target_name: Some(&self.name),
            product: Some(&self.key),
            metadata: Map::new(),
        }
        .caused_by(caller, now)
    }

    /// A trial begins for a tenant in service; for one that is not, its days would pass unused and not come back.
    fn trial(
        &self,
        tenant: &TenantRecord,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<NewTrial, DomainError<TenantChangeError>> {
        let status = tenant.status_at(now);
        if !is_in_service(status) {
            return Err(DomainError::rejected(Conflict(format!(
                "the tenant is {status} and cannot start a trial"
            ))));
        }
        Ok(NewTrial {
            entitlement: EntitlementRecord::trial(tenant.id, self.key.clone(), now),
            event: self.event(ServiceAction::CatalogTrialStarted, tenant.id, caller, now)?,
        })
    }
}

impl<S: Store> Registry<S> {
    /// The catalog, in the order of its file.
    pub fn catalog_list(&self) -> CatalogEntryList {
        CatalogEntryList {
            items: self.catalog.products().iter().map(Product::catalog_entry).collect(),
        }
    }

    /// Records that a tenant wants a product. Any tenant may ask, a frozen one too: sales follows up.
    ///
    /// # Errors
    /// An unknown tenant or product is not found.
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
        let product = self.catalog.product(&product).map_err(DomainError::Rejected)?;
        let event = product.event(ServiceAction::CatalogRequested, tenant_id, caller, self.clock.now())?;
        match self.store.audit_append(event).await? {
            AuditAppended::Appended(_) => Ok(()),
            AuditAppended::TenantNotFound => Err(DomainError::rejected(no_tenant_with_id(tenant_id))),
        }
    }

    /// Starts a tenant's trial of a product.
    ///
    /// # Errors
    /// An unknown tenant or product: not found. A product without trials: invalid input. An entitlement that the tenant
    /// has, or has had, or a tenant that is frozen or archived: a conflict.
    pub async fn catalog_trial_request(
        &self,
        tenant_id: TenantId,
        product: ProductKey,
        caller: &Caller,
    ) -> Result<TenantProduct, DomainError<TenantChangeError>> {
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        let product = self.catalog.product(&product).map_err(DomainError::rejected)?;
        let started = self
            .store
            .catalog_trial_request(tenant_id, |tenant: &TenantRecord| {
                if !product.supports_trial {
                    return Err(DomainError::rejected(InvalidInput(format!(
                        "`product`: `{}` supports no trial; POST /v1/catalog/request asks sales for it",
                        product.key
                    ))));
                }
                product.trial(tenant, caller, self.clock.now())
            })
            .await?;
        match started {
            TrialStarted::Started(entitlement) => Ok(entitlement.into_tenant_product(self.clock.now())),
            TrialStarted::EntitlementExists => Err(DomainError::rejected(Conflict(format!(
                "the tenant has, or has had, the product `{}`; a product can be tried once",
                product.key
            )))),
            TrialStarted::Rejected(error) => Err(error),
            TrialStarted::TenantNotFound => Err(DomainError::rejected(no_tenant_with_id(tenant_id))),
        }
    }
}
