//! Which tenants a caller may see.

use tenant_registry_contract::types::TenantId;

/// Which tenants a caller may see. A foreign tenant looks like a missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantScope {
    /// All tenants.
    All,
    /// One tenant.
    Only(TenantId),
}

impl TenantScope {
    /// Whether the caller may see this tenant and its records.
    pub fn includes(self, tenant_id: TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(own) => own == tenant_id,
        }
    }
}
