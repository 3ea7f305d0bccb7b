//! Lookups of API keys by prefix.

use super::row::ApiKeyRow;
use crate::records::EntitlementState;
use crate::store::postgres::error::DbError;
use crate::store::postgres::lookups::{Lookup, index};
use crate::store::postgres::rows::{columns, corrupt_row, optional};
use crate::store::postgres::schema::{api_keys, tenants};
use crate::store::postgres::scoped::ScopedDatabase;
use crate::store::{ApiKeyLookup, ApiKeyWithTenant, StoreError};
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use std::sync::OnceLock;
use tenant_registry_contract::types::{ProductKey, TenantStatus};

/// A key with its tenant and the tenant's entitlement.
pub(in crate::store::postgres) struct FoundRow {
    api_key: ApiKeyRow,
    tenant_status: String,
    tenant_cancel_at: Option<DateTime<Utc>>,
    /// `None` if there is no entitlement.
    enabled: Option<bool>,
    expires_at: Option<DateTime<Utc>>,
}

impl Lookup for ApiKeyLookup {
    type Row = FoundRow;
    type Found = Vec<ApiKeyWithTenant>;

    async fn rows(database: &ScopedDatabase, lookups: &[Self]) -> Result<Vec<(usize, FoundRow)>, StoreError> {
        if lookups.iter().all(|lookup| lookup.product.is_none()) {
            rows_of_keys(database, lookups).await
        } else {
            rows_with_entitlements(database, lookups).await
        }
    }

    fn found(rows: Vec<FoundRow>) -> Result<Vec<ApiKeyWithTenant>, DbError> {
        rows.into_iter().map(into_record).collect()
    }
}

/// The keys of lookups without a product. They have different prefixes.
async fn rows_of_keys(
    database: &ScopedDatabase,
    lookups: &[ApiKeyLookup],
) -> Result<Vec<(usize, FoundRow)>, StoreError> {
    let prefixes: Vec<&str> = lookups.iter().map(|lookup| lookup.prefix.as_str()).collect();
    let rows = database
        .look_up(async |mut connection: &AsyncPgConnection| {
            let with_prefix = api_keys::table
                .inner_join(tenants::table)
                .filter(api_keys::prefix.eq_any(&prefixes));
            with_prefix
                .select((ApiKeyRow::as_select(), tenants::status, tenants::cancel_at))
                .load::<(ApiKeyRow, String, Option<DateTime<Utc>>)>(&mut connection)
                .await
        })
        .await?;
    let indexes: HashMap<&str, usize> = prefixes.into_iter().zip(0..).collect();
    let with_index = rows
        .into_iter()
        .filter_map(|(api_key, tenant_status, tenant_cancel_at)| {
            let index = *indexes.get(api_key.prefix.as_str())?;
            let row = FoundRow {
                api_key,
                tenant_status,
                tenant_cancel_at,
                enabled: None,
                expires_at: None,
            };
            Some((index, row))
        });
    Ok(with_index.collect())
}

/// The keys of lookups of which some have a product, with the entitlements to these products.
async fn rows_with_entitlements(
    database: &ScopedDatabase,
    lookups: &[ApiKeyLookup],
) -> Result<Vec<(usize, FoundRow)>, StoreError> {
    let rows = database
        .look_up(async |mut connection: &AsyncPgConnection| {
            let query = KeysWithEntitlements {
                prefixes: lookups.iter().map(|lookup| lookup.prefix.as_str()).collect(),
                products: lookups
                    .iter()
                    .map(|lookup| lookup.product.as_ref().map(ProductKey::as_str))
                    .collect(),
            };
            query.load::<NumberedRow>(&mut connection).await
        })
        .await?;
    let with_index = rows.into_iter().map(|row| {
        let (api_key, tenant_status, tenant_cancel_at, enabled, expires_at, number) = row;
        let row = FoundRow {
            api_key,
            tenant_status,
            tenant_cancel_at,
            enabled,
            expires_at,
        };
        (index(number), row)
    });
    Ok(with_index.collect())
}

fn into_record(row: FoundRow) -> Result<ApiKeyWithTenant, DbError> {
    let FoundRow {
        api_key,
        tenant_status,
        tenant_cancel_at,
        enabled,
        expires_at,
    } = row;
    let tenant_id = api_key.tenant_id;
    let tenant_status = TenantStatus::try_from(tenant_status).map_err(corrupt_row("tenants", tenant_id))?;
    let tenant_cancel_at = optional(tenant_cancel_at).map_err(corrupt_row("tenants", tenant_id))?;
    let expires_at = optional(expires_at).map_err(corrupt_row("tenant_products", tenant_id))?;
    Ok(ApiKeyWithTenant {
        api_key: api_key.into_record()?,
        tenant_status,
        tenant_cancel_at,
        entitlement: enabled.map(|enabled| EntitlementState { enabled, expires_at }),
    })
}

/// A row of [`KeysWithEntitlements`].
type NumberedRow = (
    ApiKeyRow,
    String,
    Option<DateTime<Utc>>,
    Option<bool>,
    Option<DateTime<Utc>>,
    i64,
);

/// Selects keys, their tenants and entitlements. Each lookup reads the entitlement to its own product only, so that the cost
/// does not grow with the products of the others.
struct KeysWithEntitlements<'a> {
    prefixes: Vec<&'a str>,
    products: Vec<Option<&'a str>>,
}

impl QueryFragment<Pg> for KeysWithEntitlements<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        static COLUMNS: OnceLock<String> = OnceLock::new();
        out.push_sql("SELECT ");
        out.push_sql(columns::<ApiKeyRow>(&COLUMNS)?);
        out.push_sql(
            ", tenants.status, tenants.cancel_at, tenant_products.enabled, tenant_products.expires_at, asked.number \
             FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.prefixes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.products)?;
        out.push_sql(
            ") WITH ORDINALITY AS asked (prefix, product, number) \
             JOIN api_keys ON api_keys.prefix = asked.prefix \
             JOIN tenants ON tenants.id = api_keys.tenant_id \
             LEFT JOIN tenant_products ON tenant_products.tenant_id = api_keys.tenant_id \
             AND tenant_products.product = asked.product",
        );
        Ok(())
    }
}

impl QueryId for KeysWithEntitlements<'_> {
    type QueryId = KeysWithEntitlements<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for KeysWithEntitlements<'_> {
    type SqlType = (
        SqlTypeOf<AsSelect<ApiKeyRow, Pg>>,
        Text,
        Nullable<Timestamptz>,
        Nullable<Bool>,
        Nullable<Timestamptz>,
        BigInt,
    );
}
