//! Conversions between rows of `tenant_products` and records.

use crate::records::EntitlementRecord;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{JsonColumn, corrupt_row, optional};
use crate::store::postgres::schema::tenant_products;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use tenant_registry_contract::types::ConstraintError;
use uuid::Uuid;

/// A row of `tenant_products`.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = tenant_products, primary_key(tenant_id, product), check_for_backend(Pg), treat_none_as_null = true)]
pub(in crate::store::postgres) struct EntitlementRow {
    tenant_id: Uuid,
    product: String,
    enabled: bool,
    config: JsonColumn,
    expires_at: Option<DateTime<Utc>>,
    source: String,
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
            source,
            created_at,
            updated_at,
        } = record;
        Self {
            tenant_id: tenant_id.into(),
            product: product.into(),
            enabled,
            config: JsonColumn(config),
            expires_at: expires_at.map(DateTime::from),
            source: source.as_str().to_owned(),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

impl EntitlementRow {
    pub(super) fn into_record(self) -> Result<EntitlementRecord, DbError> {
        let tenant_id = self.tenant_id;
        self.try_into().map_err(corrupt_row("tenant_products", tenant_id))
    }
}

impl TryFrom<EntitlementRow> for EntitlementRecord {
    type Error = ConstraintError;

    fn try_from(row: EntitlementRow) -> Result<Self, ConstraintError> {
        let EntitlementRow {
            tenant_id,
            product,
            enabled,
            config,
            expires_at,
            source,
            created_at,
            updated_at,
        } = row;
        Ok(Self {
            tenant_id: tenant_id.into(),
            product: product.into(),
            enabled,
            config: config.0,
            expires_at: optional(expires_at)?,
            source: source.try_into()?,
            created_at: created_at.try_into()?,
            updated_at: updated_at.try_into()?,
        })
    }
}
