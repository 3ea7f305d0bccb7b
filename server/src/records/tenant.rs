//! Tenants as they are stored.

use chrono::{DateTime, NaiveDate, Utc};
use tenant_registry_contract::types::{StoredText, TenantId, TenantKind, TenantName, TenantSlug, TenantStatus};

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
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// The first day of the contract.
    pub contract_start: Option<NaiveDate>,
    /// The last day of the contract.
    pub contract_end: Option<NaiveDate>,
    /// When a pending cancellation takes effect. From then on the tenant is `frozen`.
    pub cancel_at: Option<DateTime<Utc>>,
    /// The sales contact.
    pub sales_owner: Option<StoredText>,
    /// When the tenant was created.
    pub created_at: DateTime<Utc>,
    /// When the record was last changed.
    pub updated_at: DateTime<Utc>,
}
