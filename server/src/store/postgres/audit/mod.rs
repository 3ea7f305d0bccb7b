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
use crate::records::{AuditEventRecord, AuditQuery, NewAuditEvent};
use crate::store::{AuditAppended, AuditStore, StoreError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::ListEvents;

impl AuditStore for PostgresStore {
    async fn audit_append(&self, event: NewAuditEvent) -> Result<AuditAppended, StoreError> {
        self.appender.append(event).await
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<Vec<AuditEventRecord>, StoreError> {
        let statement = ListEvents::new(&query);
        let rows: Vec<AuditEventRow> = self
            .database
            .read_page(async |mut connection: &AsyncPgConnection| (&statement).load(&mut connection).await)
            .await?;
        let records: Result<_, DbError> = rows.into_iter().map(AuditEventRow::into_record).collect();
        Ok(records?)
    }
}
