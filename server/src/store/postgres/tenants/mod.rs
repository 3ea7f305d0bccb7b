//! Tenants.

mod list;
mod lookups;
mod row;

use super::ScopedPostgresStore;
use super::error::{DbError, violates};
use super::page::{SelectPage, after, record_page, start};
use super::schema::tenants;
use super::transaction::Finish;
use crate::records::{Decision, EventWithResponse, NewAuditEvent, RecordPage, TenantQuery, TenantRecord};
use crate::store::{
    Change, Changed, Deleted, StoreError, TenantChanged, TenantCreated, TenantStore, UniqueTenantProperty,
    decide_change,
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::{CountTenants, Drivers, ListTenants, fewest};
use row::TenantRow;
use std::collections::HashSet;
use std::ops::ControlFlow;
use tenant_registry_contract::types::{TenantId, TenantSlug};
use uuid::Uuid;

/// The lock on a tenant's row, until the transaction ends. A change does not need `FOR UPDATE`, which waits for every
/// transaction that inserts an audit event of the tenant.
pub(super) enum Lock {
    /// For a transaction that changes the tenant.
    NoKeyUpdate,
    /// For a transaction that deletes the tenant. It waits for the transactions that rely on the tenant.
    Update,
    /// For a transaction that relies on the tenant's state.
    Share,
}

/// Reads and locks a tenant.
pub(super) async fn lock_tenant_in_transaction(
    mut connection: &AsyncPgConnection,
    id: TenantId,
    lock: Lock,
) -> Result<Option<TenantRecord>, DbError> {
    let row = tenants::table.find(Uuid::from(id)).select(TenantRow::as_select());
    let row = match lock {
        Lock::NoKeyUpdate => row.for_no_key_update().first(&mut connection).await,
        Lock::Update => row.for_update().first(&mut connection).await,
        Lock::Share => row.for_share().first(&mut connection).await,
    };
    row.optional()?.map(TenantRow::into_record).transpose()
}

/// Whether a tenant has this id.
pub(super) async fn tenant_exists_on_connection(mut connection: &AsyncPgConnection, id: TenantId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(tenants::table.find(Uuid::from(id))))
        .get_result(&mut connection)
        .await
}

/// Returns those of the ids that belong to a tenant. These tenants cannot be deleted until the transaction ends.
pub(super) async fn lock_existing_tenants_in_transaction(
    mut connection: &AsyncPgConnection,
    ids: impl Iterator<Item = TenantId>,
) -> QueryResult<HashSet<TenantId>> {
    let ids: Vec<Uuid> = ids.map(Uuid::from).collect();
    let existing: Vec<Uuid> = tenants::table
        .filter(tenants::id.eq_any(ids))
        .select(tenants::id)
        .for_key_share()
        .load(&mut connection)
        .await?;
    Ok(existing.into_iter().map(TenantId::from).collect())
}

/// The property whose value another tenant has, if that is the error.
fn property_in_use(error: &diesel::result::Error) -> Option<UniqueTenantProperty> {
    UniqueTenantProperty::ALL
        .into_iter()
        .find(|property| violates(error, &format!("tenants_{}_key", property.as_str())))
}

impl TenantStore for ScopedPostgresStore {
    async fn tenant_create(&self, tenant: TenantRecord, event: EventWithResponse) -> Result<TenantCreated, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let inserted = diesel::insert_into(tenants::table)
                    .values(TenantRow::from(tenant.clone()))
                    .execute(&mut connection)
                    .await;
                match inserted {
                    Ok(_) => {
                        let created = TenantCreated::Created(Box::new(tenant.clone()));
                        Finish::commit_with_event(connection, created, event.clone()).await
                    }
                    Err(error) if violates(&error, "tenants_slug_key") => {
                        Ok(Finish::Rollback(TenantCreated::SlugInUse))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn tenant_get(&self, id: TenantId) -> Result<Option<TenantRecord>, StoreError> {
        self.batched.tenant_lookups.find(&self.database, id).await
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

    async fn tenant_list(&self, query: TenantQuery) -> Result<RecordPage<TenantRecord>, StoreError> {
        let driver = match Drivers::of(&query) {
            Drivers::One(driver) => driver,
            Drivers::Fewest(drivers) => {
                let count = CountTenants {
                    drivers: &drivers,
                    after: after(query.page),
                };
                let counts: Vec<i64> = self
                    .database
                    .read_page(start(query.page), async |mut connection: &AsyncPgConnection| {
                        (&count).get_result(&mut connection).await
                    })
                    .await?;
                fewest(drivers, &counts)
            }
        };
        let statement = SelectPage::new(ListTenants::new(&query, driver), query.page);
        let rows: Vec<(TenantRow, bool, bool, bool)> = self
            .database
            .read_page(start(query.page), async |mut connection: &AsyncPgConnection| {
                (&statement).load(&mut connection).await
            })
            .await?;
        let id = |row: &TenantRow| row.id;
        Ok(record_page(rows, query.page.limit, id, TenantRow::into_record)?)
    }

    async fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> Result<TenantChanged<E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let current = lock_tenant_in_transaction(connection, id, Lock::NoKeyUpdate).await?;
                match decide_change(current, &decide) {
                    ControlFlow::Break(outcome) => Ok(Finish::Rollback(TenantChanged::Decided(outcome))),
                    ControlFlow::Continue(Change { record, event }) => {
                        let updated = diesel::update(tenants::table.find(Uuid::from(id)))
                            .set(TenantRow::from((*record).clone()))
                            .execute(&mut connection)
                            .await;
                        match updated {
                            Ok(_) => {
                                let stored = TenantChanged::Decided(Changed::Stored(*record));
                                Finish::commit_with_event(connection, stored, *event).await
                            }
                            Err(error) => match property_in_use(&error) {
                                Some(property) => Ok(Finish::Rollback(TenantChanged::InUse(property))),
                                None => Err(error.into()),
                            },
                        }
                    }
                }
            })
            .await
    }

    async fn tenant_delete<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let Some(tenant) = lock_tenant_in_transaction(connection, id, Lock::Update).await? else {
                    return Ok(Finish::Rollback(Deleted::NotFound));
                };
                let event = match decide(&tenant) {
                    Ok(event) => event,
                    Err(error) => return Ok(Finish::Rollback(Deleted::Rejected(error))),
                };
                // Foreign keys delete what belongs to it. A trigger records the tenant for `audit_clear_deleted_tenant`.
                diesel::delete(tenants::table.find(Uuid::from(id)))
                    .execute(&mut connection)
                    .await?;
                Finish::commit_with_event(connection, Deleted::Deleted, event).await
            })
            .await
    }
}
