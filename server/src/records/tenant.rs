//! Tenants as they are stored.

use tenant_registry_contract::types::{
    Date, StoredText, TenantId, TenantKind, TenantName, TenantSlug, TenantStatus, Timestamp,
};

/// A stored tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantRecord {
    /// A UUIDv7.
    pub id: TenantId,
    /// Unique among all tenants.
    pub slug: TenantSlug,
    /// The display name.
    pub name: TenantName,
    /// The status that was last set. Readers see [`TenantRecord::status_at`].
    pub status: TenantStatus,
    /// Whether the tenant is a customer or a demo.
    pub kind: TenantKind,
    /// The tenant's plan.
    pub plan: StoredText,
    /// The customer's id in the ERP system.
    pub erp_customer_id: Option<StoredText>,
    /// The customer's id at Stripe.
    pub stripe_cust_id: Option<StoredText>,
    /// When the trial ends.
    pub trial_ends_at: Option<Timestamp>,
    /// The first day of the contract.
    pub contract_start: Option<Date>,
    /// The last day of the contract.
    pub contract_end: Option<Date>,
    /// When a pending cancellation takes effect. From then on the tenant is `frozen`.
    pub cancel_at: Option<Timestamp>,
    /// The sales contact.
    pub sales_owner: Option<StoredText>,
    /// When the tenant was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}
