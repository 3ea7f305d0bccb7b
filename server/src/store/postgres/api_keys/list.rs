//! The list of a tenant's API keys.

use super::row::ApiKeyRow;
use crate::records::ApiKeyQuery;
use crate::store::postgres::page::{Index, IndexColumn, PagedList};
use crate::store::postgres::schema::api_keys;
use crate::store::postgres::scoped::Bounds;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Bool, Text, Timestamptz, Uuid as SqlUuid};
use tenant_registry_contract::types::ProductKey;
use uuid::Uuid;

/// The keys that match a query. They are read by the project if it is given, else by the tenant and the product. Under
/// row-level security they are not read by the product: Postgres applies the policies first, unless a function is
/// leakproof, and hashes are not.
pub(super) struct ListApiKeys<'a> {
    index: Index<'a>,
    tenant_id: Uuid,
    product: Option<&'a str>,
    project_id: Option<Uuid>,
    usable: Option<bool>,
    now: DateTime<Utc>,
}

impl<'a> ListApiKeys<'a> {
    pub(super) fn new(query: &'a ApiKeyQuery, bounds: Bounds) -> Self {
        let ApiKeyQuery {
            tenant_id,
            product,
            project_id,
            usable,
            now,
            page: _,
        } = query;
        let product = product.as_ref().map(ProductKey::as_str);
        let tenant_id = Uuid::from(*tenant_id);
        let project_id = project_id.map(Uuid::from);
        let column = match (project_id, product, bounds) {
            (Some(project_id), _, _) => IndexColumn::Id(api_keys::project_id::NAME, project_id),
            (None, Some(product), Bounds::None) => {
                IndexColumn::HashOfTenant(tenant_id, api_keys::product::NAME, product)
            }
            (None, None, _) | (None, Some(_), Bounds::Tenant(_)) => {
                IndexColumn::Id(api_keys::tenant_id::NAME, tenant_id)
            }
        };
        Self {
            index: Index {
                table: Self::TABLE,
                column: Some(column),
                id: api_keys::id::NAME,
                condition: if project_id.is_some() {
                    " AND project_id IS NOT NULL"
                } else {
                    ""
                },
            },
            product,
            tenant_id,
            project_id,
            usable: *usable,
            now: DateTime::from(*now),
        }
    }
}

impl PagedList for ListApiKeys<'_> {
    type Row = ApiKeyRow;

    const TABLE: &'static str = "api_keys";

    const BYTES: &'static str = "octet_length(name) + COALESCE(octet_length(product), 0) \
        + COALESCE(octet_length(created_by), 0) + octet_length(array_to_string(scopes, ''))";

    fn index(&self) -> &Index<'_> {
        &self.index
    }

    fn walk_few<'b>(&'b self, _: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        Ok(())
    }

    fn walk_filters<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("tenant_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.tenant_id)?;
        if let Some(project_id) = &self.project_id {
            out.push_sql(" AND project_id = ");
            out.push_bind_param::<SqlUuid, _>(project_id)?;
        }
        if let Some(product) = &self.product {
            out.push_sql(" AND product = ");
            out.push_bind_param::<Text, _>(product)?;
        }
        if let Some(usable) = &self.usable {
            out.push_sql(" AND (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ");
            out.push_bind_param::<Timestamptz, _>(&self.now)?;
            out.push_sql(")) = ");
            out.push_bind_param::<Bool, _>(usable)?;
        }
        Ok(())
    }
}
