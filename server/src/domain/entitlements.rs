//! The rules of entitlements: which products a tenant may use, and until when.

use super::Registry;
use super::caller::TenantScope;
use super::clock::days_after;
use super::error::{DomainError, Failure, NotFound};
use super::tenants::{TRIAL_LENGTH, is_in_service, status_at};
use crate::records::{EntitlementRecord, EntitlementState, stored};
use crate::store::{EntitlementWithTenant, Store};
use tenant_registry_contract::types::{
    EntitlementCheck, EntitlementCheckReason, JsonObject, ProductKey, TenantId, TenantProduct, TenantProductList,
    Timestamp,
};

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
            created_at,
            updated_at,
        } = self;
        TenantProduct {
            tenant_id,
            product,
            enabled: is_entitled,
            config,
            expires_at,
            created_at,
            updated_at,
        }
    }
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
        let Some(found) = self.store.entitlement_check(tenant_id, &product).await? else {
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
        let Some(entitlements) = self.store.entitlement_list(tenant_id).await? else {
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
}
