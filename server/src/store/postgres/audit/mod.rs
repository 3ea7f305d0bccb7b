//! The audit log: appending events, listing them, and pruning old ones.

mod appender;
mod filter;
mod list;
mod prune;

pub(super) use appender::Appender;
pub use prune::{PostgresPruneStore, PruneConnectError};

use super::PostgresStore;
use super::audit_log::AuditEventRow;
use super::error::DbError;
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery, EventWithResponse};
use crate::store::{AuditAppended, AuditStore, StoreError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::ListEvents;

impl AuditStore for PostgresStore {
    async fn audit_append(&self, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
        self.appender.append(event).await
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        let statement = ListEvents::new(&query);
        let rows: Vec<(AuditEventRow, bool)> = self
            .database
            .read_page(async |mut connection: &AsyncPgConnection| (&statement).load(&mut connection).await)
            .await?;
        let has_more = rows.len() > query.limit || rows.last().is_some_and(|(_, has_next)| *has_next);
        let records = rows.into_iter().take(query.limit).map(|(row, _)| row.into_record());
        let records: Result<Vec<AuditEventRecord>, DbError> = records.collect();
        Ok(AuditEventList {
            records: records?,
            has_more,
        })
    }
}
