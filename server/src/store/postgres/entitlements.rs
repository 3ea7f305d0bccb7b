//! Entitlements in Postgres: the table `tenant_products`.

use super::PostgresStore;
use super::audit::append;
use super::fault::{DbError, violates};
use super::schema::tenant_products;
use super::stored::corrupt_row;
use super::tenants::{Lock, exists, locked};
use super::transaction::Finish;
use crate::records::{EntitlementRecord, TenantRecord};
use crate::store::{EntitlementStore, NewTrial, StoreError, TrialStarted};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Map, Value};
use tenant_registry_contract::types::TenantId;
use uuid::Uuid;

/// A row of `tenant_products`.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = tenant_products, check_for_backend(Pg))]
struct EntitlementRow {
    tenant_id: Uuid,
    product: String,
    enabled: bool,
    config: Value,
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<EntitlementRecord> for EntitlementRow {
    fn from(record: EntitlementRecord) -> Self {
        let EntitlementRecord {
            tenant_id,
            product,
            enabled,
            config,
            expires_at,
            created_at,
            updated_at,
        } = record;
        Self {
            tenant_id: tenant_id.into(),
            product: product.into(),
            enabled,
            config: Value::Object(config),
            expires_at,
            created_at,
            updated_at,
        }
    }
}

impl EntitlementRow {
    fn into_record(self) -> Result<EntitlementRecord, DbError> {
        let Self {
            tenant_id,
            product,
            enabled,
            config,
            expires_at,
            created_at,
            updated_at,
        } = self;
        Ok(EntitlementRecord {
            tenant_id: tenant_id.into(),
            product: product.try_into().map_err(corrupt_row("tenant_products", tenant_id))?,
            enabled,
            config: object(config),
            expires_at,
            created_at,
            updated_at,
        })
    }
}

/// What a column holds whose CHECK admits objects alone.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

impl EntitlementStore for PostgresStore {
    async fn entitlement_list(&self, tenant_id: TenantId) -> Result<Option<Vec<EntitlementRecord>>, StoreError> {
        let rows = self
            .database
            .read(async |connection: &mut AsyncPgConnection| {
                let of_tenant = tenant_products::table.filter(tenant_products::tenant_id.eq(Uuid::from(tenant_id)));
                let rows: Vec<EntitlementRow> = of_tenant
                    .order(tenant_products::product)
                    .select(EntitlementRow::as_select())
                    .load(connection)
                    .await?;
                let is_known = !rows.is_empty() || exists(connection, tenant_id).await?;
                Ok(is_known.then_some(rows))
            })
            .await?;
        let Some(rows) = rows else {
            return Ok(None);
        };
        let records: Result<_, DbError> = rows.into_iter().map(EntitlementRow::into_record).collect();
        Ok(Some(records?))
    }

    async fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> Result<TrialStarted<E>, StoreError> {
        self.database
            .write(async |connection: &mut AsyncPgConnection| {
                let Some(tenant) = locked(connection, tenant_id, Lock::ForShare).await? else {
                    return Ok(Finish::Rollback(TrialStarted::TenantNotFound));
                };
                let NewTrial { entitlement, event } = match decide(&tenant) {
                    Ok(trial) => trial,
                    Err(refusal) => return Ok(Finish::Rollback(TrialStarted::Rejected(refusal))),
                };
                let inserted = diesel::insert_into(tenant_products::table)
                    .values(EntitlementRow::from(entitlement.clone()))
                    .execute(connection)
                    .await;
                match inserted {
                    Ok(_) => Ok(Finish::Commit {
                        value: TrialStarted::Started(entitlement),
                        event: Box::new(append(connection, event).await?),
                    }),
                    Err(error) if violates(&error, "tenant_products_pkey") => {
                        Ok(Finish::Rollback(TrialStarted::EntitlementExists))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }
}
