//! Which operations may be sent twice. Every one is listed, so that a new one is a decision.

use crate::Operation;

impl Operation {
    /// May the request be sent again when nobody knows whether the first was carried out?
    pub const fn is_repeatable(self) -> bool {
        match self {
            // They read.
            Self::HealthGet
            | Self::ReadinessGet
            | Self::TenantGet
            | Self::TenantGetBySlug
            | Self::EntitlementList
            | Self::CatalogList
            | Self::ApiKeyList
            | Self::ApiKeyVerify
            | Self::AuditList => true,
            // The second time nothing changes, and the answer is the same.
            Self::TenantActivate | Self::TenantCancel | Self::ApiKeyRevoke => true,
            // The second time the answer is 409: the caller would take its own success for somebody else's.
            Self::TenantCreate | Self::CatalogTrialRequest => false,
            // The second time there would be a second one.
            Self::ApiKeyCreate | Self::AuditAppend | Self::CatalogRequest => false,
        }
    }
}
