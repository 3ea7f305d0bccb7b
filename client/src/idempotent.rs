//! Which operations are idempotent. The match lists every operation, so that a new one requires a decision.

use crate::Operation;

impl Operation {
    /// Whether a request can be sent again if it is unknown whether the service has processed it.
    pub const fn is_idempotent(self) -> bool {
        match self {
            // These only read.
            Self::HealthGet
            | Self::ReadinessGet
            | Self::TenantGet
            | Self::TenantList
            | Self::TenantGetBySlug
            | Self::ProjectList
            | Self::ProjectGet
            | Self::EntitlementList
            | Self::EntitlementGet
            | Self::EntitlementCheck
            | Self::CatalogList
            | Self::ApiKeyList
            | Self::ApiKeyGet
            | Self::ApiKeyVerify
            | Self::ApiKeyVerifyBatch
            | Self::AuditGet
            | Self::AuditList => true,
            // A second request changes nothing and gets the same response, or 200 instead of 201.
            Self::TenantActivate
            | Self::TenantCancel
            | Self::TenantUpdate
            | Self::TenantArchive
            | Self::ProjectUpdate
            | Self::EntitlementSet
            | Self::EntitlementRevoke
            | Self::ApiKeyUpdate
            | Self::ApiKeyRevoke => true,
            // The client sends an `Idempotency-Key` with these. A second request changes nothing and gets the first response
            // or, in place of a plaintext, the ID of the key that was created.
            Self::TenantCreate
            | Self::ProjectCreate
            | Self::CatalogRequest
            | Self::CatalogTrialRequest
            | Self::ApiKeyCreate
            | Self::ApiKeyRotate
            | Self::AuditAppend
            | Self::AuditAppendBatch => true,
            // A second request gets 404, so the caller would not know whether it deleted the record.
            Self::TenantDelete | Self::ProjectDelete => false,
        }
    }
}
