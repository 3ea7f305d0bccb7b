//! Tenants in Postgres.

use super::PostgresStore;
use super::audit::append;
use super::fault::{DbError, violates};
use super::schema::tenants;
use super::stored::{corrupt_row, optional};
use super::transaction::Finish;
use crate::records::{Decision, NewAuditEvent, TenantRecord};
use crate::store::{Changed, StoreError, TenantCreated, TenantStore};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashSet;
use tenant_registry_contract::types::{ConstraintError, TenantId, TenantSlug};
use uuid::Uuid;

/// A row of `tenants`.
#[derive(AsChangeset, Identifiable, Insertable, Queryable, Selectable)]
#[diesel(table_name = tenants, check_for_backend(Pg), treat_none_as_null = true)]
pub(super) struct TenantRow {
    id: Uuid,
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
            trial_ends_at,
            contract_start,
            contract_end,
            cancel_at,
            sales_owner: sales_owner.map(String::from),
            created_at,
            updated_at,
        }
    }
}

impl TenantRow {
    fn into_record(self) -> Result<TenantRecord, DbError> {
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
            plan: plan.try_into()?,
            erp_customer_id: optional(erp_customer_id)?,
            stripe_cust_id: optional(stripe_cust_id)?,
            trial_ends_at,
            contract_start,
            contract_end,
            cancel_at,
            sales_owner: optional(sales_owner)?,
            created_at,
            updated_at,
        })
    }
}

/// How a tenant's row is locked against others while a rule looks at it.
pub(super) enum Lock {
    /// Nobody else may change it, or rely on it.
    ForNoKeyUpdate,
    /// Nobody may change it.
    ForShare,
}

/// A tenant, as it stands and will stand until the transaction ends.
pub(super) async fn locked(
    connection: &mut AsyncPgConnection,
    id: TenantId,
    lock: Lock,
) -> Result<Option<TenantRecord>, DbError> {
    let row = tenants::table.find(Uuid::from(id)).select(TenantRow::as_select());
    // Not FOR UPDATE: that would wait for every audit event that names the tenant.
    let row = match lock {
        Lock::ForNoKeyUpdate => row.for_no_key_update().first(connection).await,
        Lock::ForShare => row.for_share().first(connection).await,
    };
    row.optional()?.map(TenantRow::into_record).transpose()
}

/// Is there such a tenant?
pub(super) async fn exists(connection: &mut AsyncPgConnection, id: TenantId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(tenants::table.find(Uuid::from(id))))
        .get_result(connection)
        .await
}

/// Which of these tenants there are. They are kept from being deleted until the transaction ends.
pub(super) async fn known(
    connection: &mut AsyncPgConnection,
    ids: impl Iterator<Item = TenantId>,
) -> QueryResult<HashSet<TenantId>> {
    let ids: Vec<Uuid> = ids.map(Uuid::from).collect();
    let known: Vec<Uuid> = tenants::table
        .filter(tenants::id.eq_any(ids))
        .select(tenants::id)
        .for_key_share()
        .load(connection)
        .await?;
    Ok(known.into_iter().map(TenantId::from).collect())
}

impl TenantStore for PostgresStore {
    async fn tenant_create(&self, tenant: TenantRecord, event: NewAuditEvent) -> Result<TenantCreated, StoreError> {
        self.database
            .write(async |connection: &mut AsyncPgConnection| {
                let inserted = diesel::insert_into(tenants::table)
                    .values(TenantRow::from(tenant.clone()))
                    .execute(connection)
                    .await;
                match inserted {
                    Ok(_) => Ok(Finish::Commit {
                        value: TenantCreated::Created(Box::new(tenant.clone())),
                        event: Box::new(append(connection, event.clone()).await?),
                    }),
                    Err(error) if violates(&error, "tenants_slug_key") => {
                        Ok(Finish::Rollback(TenantCreated::SlugInUse))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn tenant_get(&self, id: TenantId) -> Result<Option<TenantRecord>, StoreError> {
        let row = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let row = tenants::table.find(Uuid::from(id)).select(TenantRow::as_select());
                row.first(&mut connection).await.optional()
            })
            .await?;
        Ok(row.map(TenantRow::into_record).transpose()?)
    }

    async fn tenant_get_by_slug(&self, slug: &TenantSlug) -> Result<Option<TenantRecord>, StoreError> {
        let row = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let with_slug = tenants::table.filter(tenants::slug.eq(slug.as_str()));
                with_slug
                    .select(TenantRow::as_select())
                    .first(&mut connection)
                    .await
                    .optional()
            })
            .await?;
        Ok(row.map(TenantRow::into_record).transpose()?)
    }

    async fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> Result<Changed<TenantRecord, E>, StoreError> {
        self.database
            .write(async |connection: &mut AsyncPgConnection| {
                let Some(tenant) = locked(connection, id, Lock::ForNoKeyUpdate).await? else {
                    return Ok(Finish::Rollback(Changed::NotFound));
                };
                match decide(&tenant) {
                    Err(refusal) => Ok(Finish::Rollback(Changed::Rejected(refusal))),
                    Ok(Decision::Unchanged) => Ok(Finish::Rollback(Changed::Stored(tenant))),
                    Ok(Decision::Change { record, event }) => {
                        diesel::update(tenants::table.find(Uuid::from(id)))
                            .set(TenantRow::from((*record).clone()))
                            .execute(connection)
                            .await?;
                        Ok(Finish::Commit {
                            value: Changed::Stored(*record),
                            event: Box::new(append(connection, *event).await?),
                        })
                    }
                }
            })
            .await
    }
}
