//! Projects as they are stored, and queries for them.

use super::page::PageQuery;
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

impl ProjectRecord {
    /// The bytes of the texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let description = self.description.as_ref().map_or(0, |text| text.as_str().len());
        description + self.name.as_str().len()
    }
}

/// Selects projects of a tenant for one page, newest first.
#[derive(Clone, Copy, Debug)]
pub struct ProjectQuery {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The page.
    pub page: PageQuery,
}
