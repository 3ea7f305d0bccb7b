//! Conversions between rows of `tenants` and records.

use crate::records::TenantRecord;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{corrupt_row, optional};
use crate::store::postgres::schema::tenants;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use tenant_registry_contract::types::{ConstraintError, StoredText};
use uuid::Uuid;

/// A row of `tenants`.
#[derive(AsChangeset, Identifiable, Insertable, Queryable, Selectable)]
#[diesel(table_name = tenants, check_for_backend(Pg), treat_none_as_null = true)]
pub(in crate::store::postgres) struct TenantRow {
    pub(super) id: Uuid,
    slug: String,
    name: String,
    status: String,
    kind: String,
    plan: String,
    erp_customer_id: Option<String>,
    stripe_cust_id: Option<String>,
    trial_ends_at: Option<DateTime<Utc>>,
    contract_start: Option<NaiveDate>,
    contract_end: Option<NaiveDate>,
    cancel_at: Option<DateTime<Utc>>,
    sales_owner: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<TenantRecord> for TenantRow {
    fn from(record: TenantRecord) -> Self {
        let TenantRecord {
            id,
            slug,
            name,
            status,
            kind,
            plan,
            erp_customer_id,
            stripe_cust_id,
            trial_ends_at,
            contract_start,
            contract_end,
            cancel_at,
            sales_owner,
            created_at,
            updated_at,
        } = record;
        Self {
            id: id.into(),
            slug: slug.into(),
            name: name.into(),
            status: status.as_str().to_owned(),
            kind: kind.as_str().to_owned(),
            plan: plan.into(),
            erp_customer_id: erp_customer_id.map(String::from),
            stripe_cust_id: stripe_cust_id.map(String::from),
            trial_ends_at: trial_ends_at.map(DateTime::from),
            contract_start: contract_start.map(NaiveDate::from),
            contract_end: contract_end.map(NaiveDate::from),
            cancel_at: cancel_at.map(DateTime::from),
            sales_owner: sales_owner.map(String::from),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

impl TenantRow {
    pub(super) fn into_record(self) -> Result<TenantRecord, DbError> {
        let id = self.id;
        self.try_into().map_err(corrupt_row("tenants", id))
    }
}

impl TryFrom<TenantRow> for TenantRecord {
    type Error = ConstraintError;

    fn try_from(row: TenantRow) -> Result<Self, ConstraintError> {
        let TenantRow {
            id,
            slug,
            name,
            status,
            kind,
            plan,
            erp_customer_id,
            stripe_cust_id,
            trial_ends_at,
            contract_start,
            contract_end,
            cancel_at,
            sales_owner,
            created_at,
            updated_at,
        } = row;
        Ok(Self {
            id: id.into(),
            slug: slug.try_into()?,
            name: name.try_into()?,
            status: status.try_into()?,
            kind: kind.try_into()?,
            plan: plan.into(),
            erp_customer_id: erp_customer_id.map(StoredText::from),
            stripe_cust_id: stripe_cust_id.map(StoredText::from),
            trial_ends_at: optional(trial_ends_at)?,
            contract_start: optional(contract_start)?,
            contract_end: optional(contract_end)?,
            cancel_at: optional(cancel_at)?,
            sales_owner: sales_owner.map(StoredText::from),
            created_at: created_at.try_into()?,
            updated_at: updated_at.try_into()?,
        })
    }
}
