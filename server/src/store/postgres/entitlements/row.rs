//! Conversions between rows of `tenant_products` and records.

use crate::records::EntitlementRecord;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{corrupt_row, json_object};
use crate::store::postgres::schema::tenant_products;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;

/// A row of `tenant_products`.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = tenant_products, check_for_backend(Pg))]
pub(super) struct EntitlementRow {
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
    pub(super) fn into_record(self) -> Result<EntitlementRecord, DbError> {
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
            config: json_object(config),
            expires_at,
            created_at,
            updated_at,
        })
    }
}
