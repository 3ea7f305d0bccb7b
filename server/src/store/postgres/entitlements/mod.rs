//! Entitlements, and the trials that create them.

mod lookups;
mod row;

pub(super) use lookups::EntitlementLookup;

use super::PostgresStore;
use super::error::{DbError, violates};
use super::schema::tenant_products;
use super::tenants::{Lock, lock_tenant_in_transaction, tenant_exists_on_connection};
use super::transaction::Finish;
use crate::records::{EntitlementRecord, TenantRecord};
use crate::store::{EntitlementStore, EntitlementWithTenant, NewTrial, StoreError, TrialStarted};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use row::EntitlementRow;
use tenant_registry_contract::types::{ProductKey, TenantId};
use uuid::Uuid;

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

    async fn entitlement_check(
        &self,
        tenant_id: TenantId,
        product: &ProductKey,
    ) -> Result<Option<EntitlementWithTenant>, StoreError> {
        let lookup = EntitlementLookup {
            tenant_id,
            product: product.clone(),
        };
        self.entitlement_lookups.find(lookup).await
    }

    async fn catalog_trial_request<E: Send>(
        &self,
        tenant_id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewTrial, E> + Send + Sync,
    ) -> Result<TrialStarted<E>, StoreError> {
        self.database
            .transaction(async |connection: &mut AsyncPgConnection| {
                let Some(tenant) = lock_tenant_in_transaction(connection, tenant_id, Lock::Share).await? else {
                    return Ok(Finish::Rollback(TrialStarted::TenantNotFound));
                };
                let NewTrial { entitlement, event } = match decide(&tenant) {
                    Ok(trial) => trial,
                    Err(error) => return Ok(Finish::Rollback(TrialStarted::Rejected(error))),
                };
                let inserted = diesel::insert_into(tenant_products::table)
                    .values(EntitlementRow::from(entitlement.clone()))
                    .execute(connection)
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
