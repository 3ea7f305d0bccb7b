//! Entitlements as they are stored.

use chrono::{DateTime, Utc};
use tenant_registry_contract::types::{JsonObject, StoredText, TenantId};

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
    pub expires_at: Option<DateTime<Utc>>,
    /// When the entitlement was created.
    pub created_at: DateTime<Utc>,
    /// When the record was last changed.
    pub updated_at: DateTime<Utc>,
}
