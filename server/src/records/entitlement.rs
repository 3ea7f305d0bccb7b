//! Entitlements as they are stored.

use tenant_registry_contract::types::{EntitlementSource, JsonObject, StoredText, TenantId, Timestamp};

/// What decides whether an entitlement can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntitlementState {
    /// Whether the entitlement is switched on.
    pub enabled: bool,
    /// When the entitlement ends.
    pub expires_at: Option<Timestamp>,
}

/// A stored entitlement: a tenant's right to use a product. A tenant has at most one for each product.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementRecord {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The product.
    pub product: StoredText,
    /// Whether the entitlement is switched on. Readers see `false` after `expires_at`.
    pub enabled: bool,
    /// The product's settings for this tenant.
    pub config: JsonObject,
    /// When the entitlement ends.
    pub expires_at: Option<Timestamp>,
    /// Why the tenant has the entitlement.
    pub source: EntitlementSource,
    /// When the entitlement was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}

impl EntitlementRecord {
    /// What decides whether the entitlement can be used.
    pub(crate) fn state(&self) -> EntitlementState {
        EntitlementState {
            enabled: self.enabled,
            expires_at: self.expires_at,
        }
    }
}
