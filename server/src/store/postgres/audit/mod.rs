//! The audit log: appending events, reading and listing them, distributing and pruning old ones.

mod appender;
mod batch;
mod distribute;
mod filter;
mod list;
mod prune;

pub(super) use appender::Appender;
pub use distribute::{DistributeConnectError, PostgresDistributeStore};
pub use prune::{PostgresPruneStore, PruneConnectError};

use super::ScopedPostgresStore;
use super::audit_log::AuditEventRow;
use super::error::DbError;
use super::schema::audit_log;
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery, EventBatch, EventWithResponse};
use crate::store::{AuditAppended, AuditBatchAppended, AuditStore, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use filter::{After, Entries, Place, TextFilters};
use list::{FindEnd, LOOKS, ListEvents, OF_DELETED_TENANT};
use tenant_registry_contract::types::{AuditCursor, AuditEventId};

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
        let record = row.map(|(row, of_deleted_tenant)| row.into_listed_record(of_deleted_tenant));
        Ok(record.transpose()?)
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        let filters = TextFilters::new(&query);
        let mut entries = Entries::new(&query);
        let (limit, max_bytes) = (query.limit, query.max_bytes);
        if filters.is_empty() {
            // Every entry matches, so that the page reads no more entries than it has events.
            return self.find_events(&entries, None, &filters, limit, max_bytes).await;
        }
        let mut list = AuditEventList::default();
        for look in LOOKS {
            let bytes: usize = list.records.iter().map(|record| record.event.text_bytes()).sum();
            let room = limit.saturating_sub(list.records.len());
            let room_bytes = max_bytes.saturating_sub(bytes);
            if room == 0 || room_bytes == 0 {
                break;
            }
            let end = self.find_end(&entries, look).await?;
            let found = self.find_events(&entries, end, &filters, room, room_bytes).await?;
            list.records.extend(found.records);
            if found.next.is_some() {
                list.next = found.next;
                break;
            }
            list.next = end.map(|place| AuditCursor::from(place.id));
            let Some(place) = end else { break };
            entries.after = Some(After::Place(place));
        }
        Ok(list)
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

impl ScopedPostgresStore {
    /// The last of so many entries. `None` if there are fewer.
    async fn find_end(&self, entries: &Entries, count: i64) -> Result<Option<Place>, StoreError> {
        let statement = FindEnd {
            entries,
            skipped: count - 1,
        };
        self.database
            .read_page(entries.start(), async |mut connection: &AsyncPgConnection| {
                (&statement).get_result(&mut connection).await.optional()
            })
            .await
    }

    /// The events that match the filters, among the entries up to this one.
    async fn find_events(
        &self,
        entries: &Entries,
        through: Option<Place>,
        filters: &TextFilters<'_>,
        limit: usize,
        max_bytes: usize,
    ) -> Result<AuditEventList, StoreError> {
        let statement = ListEvents::new(entries, through, filters, limit, max_bytes);
        let mut rows: Vec<(AuditEventRow, bool, bool)> = self
            .database
            .read_page(entries.start(), async |mut connection: &AsyncPgConnection| {
                (&statement).load(&mut connection).await
            })
            .await?;
        let has_more = rows.len() > limit || rows.last().is_some_and(|(.., has_next)| *has_next);
        rows.truncate(limit);
        let records = rows
            .into_iter()
            .map(|(row, of_deleted_tenant, _)| row.into_listed_record(of_deleted_tenant));
        let records = records.collect::<Result<Vec<AuditEventRecord>, DbError>>()?;
        let last = records.last().filter(|_| has_more);
        Ok(AuditEventList {
            next: last.map(|record| AuditCursor::from(record.id.get())),
            records,
        })
    }
}

/// How many events of a deleted tenant one statement clears. Few enough that it takes milliseconds.
const CLEARED_EVENTS: i32 = 500;

diesel::define_sql_function! {
    /// Removes the tenant from so many events of a deleted tenant, and returns from how many. `None` if there is nothing to do.
    fn audit_log_clear_deleted_tenant(max_events: Integer) -> Nullable<Integer>;
}
