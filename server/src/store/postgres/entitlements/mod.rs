//! Entitlements, and the trials that create them.

mod lookups;
mod row;

pub(super) use lookups::EntitlementLookup;

use super::ScopedPostgresStore;
use super::error::{DbError, violates};
use super::schema::tenant_products;
use super::tenants::{Lock, lock_tenant_in_transaction, tenant_exists_on_connection};
use super::transaction::Finish;
use crate::records::{EntitlementDecision, EntitlementRecord, TenantRecord};
use crate::store::{EntitlementChanged, EntitlementStore, EntitlementWithTenant, NewTrial, StoreError, TrialStarted};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use row::EntitlementRow;
use tenant_registry_contract::types::{ProductKey, TenantId};
use uuid::Uuid;

impl EntitlementStore for ScopedPostgresStore {
    async fn entitlement_list(&self, tenant_id: TenantId) -> Result<Option<Vec<EntitlementRecord>>, StoreError> {
        let rows = self
            .database
            .read(async |mut connection: &AsyncPgConnection| {
                let of_tenant = tenant_products::table.filter(tenant_products::tenant_id.eq(Uuid::from(tenant_id)));
                let rows: Vec<EntitlementRow> = of_tenant
                    .order(tenant_products::product)
                    .select(EntitlementRow::as_select())
                    .load(&mut connection)
                    .await?;
                let exists = !rows.is_empty() || tenant_exists_on_connection(connection, tenant_id).await?;
                Ok(exists.then_some(rows))
            })
            .await?;
        let Some(rows) = rows else {
            return Ok(None);
        };
        let records: Result<_, DbError> = rows.into_iter().map(EntitlementRow::into_record).collect();
        Ok(Some(records?))
    }

    async fn entitlement_get(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementRecord>, StoreError> {
        let row = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let row = tenant_products::table.find((Uuid::from(tenant_id), product.as_str()));
                let row = row.select(EntitlementRow::as_select());
                row.first(&mut connection).await.optional()
            })
            .await?;
        Ok(row.map(EntitlementRow::into_record).transpose()?)
    }

    async fn entitlement_change<E: Send>(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
        decide: impl Fn(&TenantRecord, Option<EntitlementRecord>) -> Result<EntitlementDecision, E> + Send + Sync,
    ) -> Result<EntitlementChanged<E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                // Changes of a tenant's entitlements wait for each other, also if the entitlement does not exist yet.
                let Some(tenant) = lock_tenant_in_transaction(connection, tenant_id, Lock::NoKeyUpdate).await? else {
                    return Ok(Finish::Rollback(EntitlementChanged::TenantNotFound));
                };
                let row: Option<EntitlementRow> = tenant_products::table
                    .find((Uuid::from(tenant_id), product.as_str()))
                    .select(EntitlementRow::as_select())
                    .first(&mut connection)
                    .await
                    .optional()?;
                let current = row.map(EntitlementRow::into_record).transpose()?;
                let exists = current.is_some();
                let (record, event) = match decide(&tenant, current) {
                    Err(error) => return Ok(Finish::Rollback(EntitlementChanged::Rejected(error))),
                    Ok(EntitlementDecision::Unchanged(record)) => {
                        return Ok(Finish::Rollback(EntitlementChanged::Stored(record)));
                    }
                    Ok(EntitlementDecision::Change { record, event }) => (*record, *event),
                };
                let changed = if exists {
                    diesel::update(tenant_products::table.find((Uuid::from(tenant_id), product.as_str())))
                        .set(EntitlementRow::from(record.clone()))
                        .execute(&mut connection)
                        .await?;
                    EntitlementChanged::Stored(record)
                } else {
                    diesel::insert_into(tenant_products::table)
                        .values(EntitlementRow::from(record.clone()))
                        .execute(&mut connection)
                        .await?;
                    EntitlementChanged::Created(record)
                };
                Finish::commit_with_event(connection, changed, event).await
            })
            .await
    }

    async fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementWithTenant>, StoreError> {
        let lookup = EntitlementLookup {
            tenant_id,
            product: product.clone(),
        };
        self.batched.entitlement_lookups.find(&self.database, lookup).await
    }

    async fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> Result<TrialStarted<E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let Some(tenant) = lock_tenant_in_transaction(connection, tenant_id, Lock::Share).await? else {
                    return Ok(Finish::Rollback(TrialStarted::TenantNotFound));
                };
                let NewTrial { entitlement, event } = match decide(&tenant) {
                    Ok(trial) => trial,
                    Err(error) => return Ok(Finish::Rollback(TrialStarted::Rejected(error))),
                };
                let inserted = diesel::insert_into(tenant_products::table)
                    .values(EntitlementRow::from(entitlement.clone()))
                    .execute(&mut connection)
                    .await;
                match inserted {
                    Ok(_) => Finish::commit_with_event(connection, TrialStarted::Started(entitlement), event).await,
                    Err(error) if violates(&error, "tenant_products_pkey") => {
                        Ok(Finish::Rollback(TrialStarted::EntitlementExists))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }
}
