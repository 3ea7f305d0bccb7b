//! Tenants as they are stored.

use super::words::search_words;
use std::collections::BTreeSet;
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

impl TenantRecord {
    /// The words by which the tenant is found.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        let external_ids = [&self.erp_customer_id, &self.stripe_cust_id];
        let external_ids = external_ids.into_iter().flatten().map(StoredText::as_str);
        search_words([self.slug.as_str(), self.name.as_str()].into_iter().chain(external_ids))
    }

    /// The bytes of the texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let optional = [&self.erp_customer_id, &self.stripe_cust_id, &self.sales_owner];
        let texts = optional.into_iter().flatten().chain([&self.plan]);
        texts.map(|text| text.as_str().len()).sum::<usize>() + self.name.as_str().len()
    }
}
