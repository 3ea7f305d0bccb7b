//! Conversions between rows of `tenant_products` and records.

use crate::records::EntitlementRecord;
use crate::store::postgres::rows::JsonColumn;
use crate::store::postgres::schema::tenant_products;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

/// A row of `tenant_products`.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = tenant_products, check_for_backend(Pg))]
pub(super) struct EntitlementRow {
    tenant_id: Uuid,
    product: String,
    enabled: bool,
    config: JsonColumn,
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
            config: JsonColumn(config),
            expires_at,
            created_at,
            updated_at,
        }
    }
}

impl EntitlementRow {
    pub(super) fn into_record(self) -> EntitlementRecord {
        let Self {
            tenant_id,
            product,
            enabled,
            config,
            expires_at,
            created_at,
            updated_at,
        } = self;
        EntitlementRecord {
            tenant_id: tenant_id.into(),
            product: product.into(),
            enabled,
            config: config.0,
            expires_at,
            created_at,
            updated_at,
        }
    }
}
