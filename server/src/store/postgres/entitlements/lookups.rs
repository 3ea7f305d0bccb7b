//! Lookups of entitlements by tenant and product.

use super::row::EntitlementRow;
use crate::store::postgres::error::DbError;
use crate::store::postgres::lookups::{Lookup, index};
use crate::store::postgres::rows::{columns, corrupt_row, optional};
use crate::store::postgres::scoped::ScopedDatabase;
use crate::store::{EntitlementWithTenant, StoreError};
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::sync::OnceLock;
use tenant_registry_contract::types::{ProductKey, TenantId, TenantStatus};
use uuid::Uuid;

/// A lookup of the entitlement of a tenant to a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::store::postgres) struct EntitlementLookup {
    pub(super) tenant_id: TenantId,
    pub(super) product: ProductKey,
}

/// A row of [`EntitlementsWithTenants`].
type FoundRow = (Uuid, String, Option<DateTime<Utc>>, Option<EntitlementRow>, i64);

impl Lookup for EntitlementLookup {
    type Row = FoundRow;
    type Found = Option<EntitlementWithTenant>;

    async fn rows(database: &ScopedDatabase, lookups: &[Self]) -> Result<Vec<(usize, FoundRow)>, StoreError> {
        let rows = database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let query = EntitlementsWithTenants {
                    tenant_ids: lookups.iter().map(|lookup| lookup.tenant_id.into()).collect(),
                    products: lookups.iter().map(|lookup| lookup.product.as_str()).collect(),
                };
                query.load::<FoundRow>(&mut connection).await
            })
            .await?;
        Ok(rows.into_iter().map(|row| (index(row.4), row)).collect())
    }

    fn found(rows: Vec<FoundRow>) -> Result<Option<EntitlementWithTenant>, DbError> {
        rows.into_iter().next().map(into_record).transpose()
    }
}

fn into_record(row: FoundRow) -> Result<EntitlementWithTenant, DbError> {
    let (tenant_id, status, cancel_at, entitlement, _) = row;
    Ok(EntitlementWithTenant {
        tenant_status: TenantStatus::try_from(status).map_err(corrupt_row("tenants", tenant_id))?,
        tenant_cancel_at: optional(cancel_at).map_err(corrupt_row("tenants", tenant_id))?,
        entitlement: entitlement.map(EntitlementRow::into_record).transpose()?,
    })
}

/// Selects tenants, each with its entitlement to a product.
struct EntitlementsWithTenants<'a> {
    tenant_ids: Vec<Uuid>,
    products: Vec<&'a str>,
}

impl QueryFragment<Pg> for EntitlementsWithTenants<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        static COLUMNS: OnceLock<String> = OnceLock::new();
        out.push_sql("SELECT tenants.id, tenants.status, tenants.cancel_at, ");
        out.push_sql(columns::<EntitlementRow>(&COLUMNS)?);
        out.push_sql(", asked.number FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.tenant_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.products)?;
        out.push_sql(
            ") WITH ORDINALITY AS asked (tenant_id, product, number) \
             JOIN tenants ON tenants.id = asked.tenant_id \
             LEFT JOIN tenant_products ON tenant_products.tenant_id = tenants.id \
             AND tenant_products.product = asked.product",
        );
        Ok(())
    }
}

impl QueryId for EntitlementsWithTenants<'_> {
    type QueryId = EntitlementsWithTenants<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for EntitlementsWithTenants<'_> {
    type SqlType = (
        SqlUuid,
        Text,
        Nullable<Timestamptz>,
        SqlTypeOf<AsSelect<Option<EntitlementRow>, Pg>>,
        BigInt,
    );
}
