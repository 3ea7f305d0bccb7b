//! The list of a tenant's projects.

use super::row::ProjectRow;
use crate::store::postgres::page::{Index, IndexColumn, PagedList};
use crate::store::postgres::schema::projects;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::Uuid as SqlUuid;
use tenant_registry_contract::types::TenantId;
use uuid::Uuid;

/// The projects of a tenant.
pub(super) struct ListProjects {
    index: Index<'static>,
    tenant_id: Uuid,
}

impl ListProjects {
    pub(super) fn new(tenant_id: TenantId) -> Self {
        let tenant_id = Uuid::from(tenant_id);
        Self {
            index: Index {
                table: Self::TABLE,
                column: Some(IndexColumn::Id(projects::tenant_id::NAME, tenant_id)),
                id: projects::id::NAME,
                condition: "",
            },
            tenant_id,
        }
    }
}

impl PagedList for ListProjects {
    type Row = ProjectRow;

    const TABLE: &'static str = "projects";

    const BYTES: &'static str = "octet_length(name) + COALESCE(octet_length(description), 0)";

    fn index(&self) -> &Index<'_> {
        &self.index
    }

    fn walk_few<'b>(&'b self, _: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        Ok(())
    }

    fn walk_filters<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("tenant_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.tenant_id)?;
        Ok(())
    }
}
