//! The list of a tenant's API keys.

use super::row::ApiKeyRow;
use crate::records::ApiKeyQuery;
use crate::store::postgres::page::{IndexColumn, PagedList};
use crate::store::postgres::schema::api_keys;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Bool, Text, Timestamptz};
use tenant_registry_contract::types::ProductKey;
use uuid::Uuid;

/// The keys that match a query. They are read by the tenant and, if it is given, the product.
pub(super) struct ListApiKeys<'a> {
    index: Vec<IndexColumn<'a>>,
    product: Option<&'a str>,
    usable: Option<bool>,
    now: DateTime<Utc>,
}

impl<'a> ListApiKeys<'a> {
    pub(super) fn new(query: &'a ApiKeyQuery) -> Self {
        let ApiKeyQuery {
            tenant_id,
            product,
            usable,
            now,
            page: _,
        } = query;
        let product = product.as_ref().map(ProductKey::as_str);
        let of_tenant = IndexColumn::Id(api_keys::tenant_id::NAME, Uuid::from(*tenant_id));
        let of_product = product.map(|product| IndexColumn::Hash(api_keys::product::NAME, product));
        Self {
            index: [of_tenant].into_iter().chain(of_product).collect(),
            product,
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

    fn index(&self) -> &[IndexColumn<'_>] {
        &self.index
    }

    fn walk_filters<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("TRUE");
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
