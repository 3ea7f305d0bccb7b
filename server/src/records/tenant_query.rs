//! Queries for tenants.

use super::page::PageQuery;
use tenant_registry_contract::types::{ExternalId, PlanKey, ProductKey, TenantId, TenantKind, TenantStatus, Timestamp};

/// Selects tenants for one page, newest first. A tenant has to match every filter that is set.
#[derive(Clone, Debug)]
pub struct TenantQuery {
    /// Only this tenant.
    pub id: Option<TenantId>,
    /// Only tenants with one of these statuses.
    pub status: Option<StatusFilter>,
    /// Only tenants of this kind.
    pub kind: Option<TenantKind>,
    /// Only tenants with this plan.
    pub plan: Option<PlanKey>,
    /// Only tenants whose entitlement to this product is switched on and has not ended.
    pub product: Option<ProductKey>,
    /// Only the tenant with this id at Stripe.
    pub stripe_cust_id: Option<ExternalId>,
    /// Only the tenant with this id in the ERP system.
    pub erp_customer_id: Option<ExternalId>,
    /// Only tenants that have a word that begins with each of these, as [`search_words`](super::search_words) returns them.
    pub words: Vec<String>,
    /// The time at which an entitlement has ended or a cancellation has taken effect.
    pub now: Timestamp,
    /// The page.
    pub page: PageQuery,
}

/// The stored statuses of the tenants that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFilter {
    /// Of tenants whose pending cancellation has taken effect.
    pub cancelled: Vec<TenantStatus>,
    /// Of all others.
    pub not_cancelled: Vec<TenantStatus>,
}
