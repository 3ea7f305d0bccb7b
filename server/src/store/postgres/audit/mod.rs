//! The audit log: appending events, reading and listing them, distributing and pruning old ones.

mod appender;
mod batch;
mod cluster;
mod cursor;
mod distribute;
mod distributed;
mod filter;
mod list;
mod page;
mod prune;

pub(super) use appender::Appender;
pub use distribute::{DistributeConnectError, PostgresDistributeStore};
pub use prune::{PostgresPruneStore, PruneConnectError};

use super::ScopedPostgresStore;
use super::audit_log::AuditEventRow;
use super::schema::audit_log;
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery, EventBatch, EventWithResponse};
use crate::store::{AuditAppended, AuditBatchAppended, AuditStore, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::OF_DELETED_TENANT;
use tenant_registry_contract::types::AuditEventId;

impl AuditStore for ScopedPostgresStore {
    async fn audit_append(&self, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
        self.batched.appender.append(&self.database, event).await
    }

    async fn audit_append_batch(&self, batch: EventBatch) -> Result<AuditBatchAppended, StoreError> {
        self.append_batch(&batch).await
    }

    async fn audit_get(&self, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
        let of_deleted_tenant = sql::<Bool>(OF_DELETED_TENANT);
        let row: Option<(AuditEventRow, bool)> = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let row = audit_log::table.find(id.get());
                let columns = (AuditEventRow::as_select(), of_deleted_tenant.clone());
                row.select(columns).first(&mut connection).await.optional()
            })
            .await?;
        match row {
            Some((row, true)) => Ok(Some(row.into_record_without_tenant()?)),
            Some((row, false)) => Ok(Some(row.into_record()?)),
            None => self.find_distributed(id).await,
        }
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        self.read_list(&query).await
    }

    async fn audit_clear_deleted_tenant(&self) -> Result<bool, StoreError> {
        let cleared: Option<i32> = self
            .database
            .write_idempotent(async |mut connection: &AsyncPgConnection| {
                diesel::select(audit_log_clear_deleted_tenant(CLEARED_EVENTS))
                    .get_result(&mut connection)
                    .await
            })
            .await?;
        Ok(cleared.is_some())
    }
}

/// How many events of a deleted tenant one statement clears. Few enough that it takes milliseconds.
const CLEARED_EVENTS: i32 = 500;

diesel::define_sql_function! {
    /// Removes the tenant from so many events of a deleted tenant, and returns from how many. `None` if there is nothing to do.
    fn audit_log_clear_deleted_tenant(max_events: Integer) -> Nullable<Integer>;
}
