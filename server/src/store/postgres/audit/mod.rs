//! The audit log: appending events, reading and listing them, and pruning old ones.

mod appender;
mod batch;
mod filter;
mod list;
mod prune;

pub(super) use appender::Appender;
pub use prune::{PostgresPruneStore, PruneConnectError};

use super::PostgresStore;
use super::audit_log::AuditEventRow;
use super::error::DbError;
use super::schema::audit_log;
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery, EventBatch, EventWithResponse};
use crate::store::{AuditAppended, AuditBatchAppended, AuditStore, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::{ListEvents, OF_DELETED_TENANT};
use tenant_registry_contract::types::AuditEventId;

impl AuditStore for PostgresStore {
    async fn audit_append(&self, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
        self.appender.append(event).await
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
        let record = row.map(|(row, of_deleted_tenant)| row.into_listed_record(of_deleted_tenant));
        Ok(record.transpose()?)
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        let statement = ListEvents::new(&query);
        let rows: Vec<(AuditEventRow, bool, bool)> = self
            .database
            .read_page(async |mut connection: &AsyncPgConnection| (&statement).load(&mut connection).await)
            .await?;
        // A deleted tenant has no events.
        if query.tenant_id.is_some() && rows.iter().any(|(_, of_deleted_tenant, _)| *of_deleted_tenant) {
            return Ok(AuditEventList::default());
        }
        let has_more = rows.len() > query.limit || rows.last().is_some_and(|(.., has_next)| *has_next);
        let records = rows
            .into_iter()
            .take(query.limit)
            .map(|(row, of_deleted_tenant, _)| row.into_listed_record(of_deleted_tenant));
        let records: Result<Vec<AuditEventRecord>, DbError> = records.collect();
        Ok(AuditEventList {
            records: records?,
            has_more,
        })
    }

    async fn audit_clear_deleted_tenant(&self) -> Result<bool, StoreError> {
        let cleared: Option<i32> = self
            .database
            .write_idempotent(async |connection: &mut AsyncPgConnection| {
                diesel::select(audit_log_clear_deleted_tenant(CLEARED_EVENTS))
                    .get_result(connection)
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
