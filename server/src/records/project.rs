//! Projects as they are stored.

use tenant_registry_contract::types::{ProjectId, ProjectName, ProjectSlug, StoredText, TenantId, Timestamp};

/// A stored project of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRecord {
    /// A UUIDv7.
    pub id: ProjectId,
    /// The tenant that the project belongs to.
    pub tenant_id: TenantId,
    /// Unique among the projects of the tenant.
    pub slug: ProjectSlug,
    /// The display name.
    pub name: ProjectName,
    /// What the project is for.
    pub description: Option<StoredText>,
    /// When the project was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}
