//! The rules of entitlements: which products a tenant may use, and until when.

use super::Registry;
use super::caller::TenantScope;
use super::clock::days_after;
use super::error::{DomainError, NotFound};
use super::tenants::TRIAL_LENGTH;
use crate::records::{EntitlementRecord, stored};
use crate::store::Store;
use tenant_registry_contract::types::{JsonObject, ProductKey, TenantId, TenantProduct, TenantProductList, Timestamp};

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
        let Self {
            tenant_id,
            product,
            enabled,
            config,
            expires_at,
            created_at,
            updated_at,
        } = self;
        TenantProduct {
            tenant_id,
            product,
            enabled: enabled && expires_at.is_none_or(|end| now < end),
            config,
            expires_at,
            created_at,
            updated_at,
        }
    }
}

impl<S: Store> Registry<S> {
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
