//! A page of `audit_list`, read from `audit_log` and, if that does not fill it, from the distributed events.

use super::cursor::Start;
use super::distributed::groups;
use super::filter::{Entries, Place, TextFilters};
use super::list::{DISTRIBUTED_LOOKS, FindEnd, LOOKS, ListEvents};
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery};
use crate::store::StoreError;
use crate::store::postgres::ScopedPostgresStore;
use crate::store::postgres::audit_log::AuditEventRow;
use crate::store::postgres::error::DbError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashSet;
use tenant_registry_contract::types::AuditCursor;
use uuid::Uuid;

/// What a page has so far.
struct Page {
    list: AuditEventList,
    limit: usize,
    max_bytes: usize,
}

impl Page {
    /// How many more events the page can have.
    fn room(&self) -> usize {
        if self.room_bytes() == 0 {
            return 0;
        }
        self.limit.saturating_sub(self.list.records.len())
    }

    fn room_bytes(&self) -> usize {
        let bytes: usize = self.list.records.iter().map(|record| record.event.text_bytes()).sum();
        self.max_bytes.saturating_sub(bytes)
    }

    /// Adds the next events. The page ends here if more than these match.
    fn add(&mut self, found: Found) {
        self.list.records.extend(found.records);
        if found.has_more {
            self.list.next = self.list.records.last().map(|last| AuditCursor::from(last.id.get()));
        }
    }

    const fn has_ended(&self) -> bool {
        self.list.next.is_some()
    }

    /// The place of the last event.
    fn last_place(&self) -> Option<Place> {
        self.list.records.last().map(|last| Place {
            created_at: last.event.created_at.into(),
            id: last.id.get(),
        })
    }
}

/// Events that match, and whether others follow that a statement did not return.
struct Found {
    records: Vec<AuditEventRecord>,
    has_more: bool,
}

impl ScopedPostgresStore {
    pub(super) async fn read_list(&self, query: &AuditQuery) -> Result<AuditEventList, StoreError> {
        let after = match self.find_start(query).await? {
            Start::Newest => None,
            Start::After(place) => Some(place),
            Start::End => return Ok(AuditEventList::default()),
        };
        let mut page = Page {
            list: AuditEventList::default(),
            limit: query.limit,
            max_bytes: query.max_bytes,
        };
        let filters = TextFilters::new(query);
        let entries = Entries::recent(query, after);
        self.read_entries(&mut page, entries.clone(), &filters, &LOOKS, &HashSet::new())
            .await?;
        if !page.has_ended() {
            self.read_distributed_entries(&mut page, entries, &filters).await?;
        }
        Ok(page.list)
    }

    async fn read_distributed_entries(
        &self,
        page: &mut Page,
        mut entries: Entries,
        filters: &TextFilters<'_>,
    ) -> Result<(), StoreError> {
        entries.after = page.last_place().or(entries.after);
        let weeks = self.weeks_of_entries(&entries).await?;
        if weeks.is_empty() {
            return Ok(());
        }
        // Before the events: a tenant that is deleted in between was not deleted when the request began.
        let deleted = self.deleted_tenants().await?;
        if entries.tenant_id.is_some_and(|tenant_id| deleted.contains(&tenant_id)) {
            return Ok(());
        }
        for weeks in groups(&weeks) {
            self.read_entries(page, entries.distributed(weeks), filters, &DISTRIBUTED_LOOKS, &deleted)
                .await?;
            if page.has_ended() {
                break;
            }
        }
        Ok(())
    }

    /// Adds the events among these entries that match. If the page has not ended then, there are no more.
    async fn read_entries(
        &self,
        page: &mut Page,
        mut entries: Entries,
        filters: &TextFilters<'_>,
        looks: &[i64],
        deleted: &HashSet<Uuid>,
    ) -> Result<(), StoreError> {
        if filters.is_empty() {
            // Every entry matches, so that the page reads no more entries than it has events.
            page.add(self.find_events(page, &entries, None, filters, deleted).await?);
            return Ok(());
        }
        for look in looks {
            let end = self.find_end(&entries, *look).await?;
            page.add(self.find_events(page, &entries, end, filters, deleted).await?);
            let Some(place) = end.filter(|_| !page.has_ended()) else {
                return Ok(());
            };
            entries.after = Some(place);
        }
        page.list.next = entries.after.map(|place| AuditCursor::from(place.id));
        Ok(())
    }

    /// The last of so many entries. `None` if there are fewer.
    async fn find_end(&self, entries: &Entries, count: i64) -> Result<Option<Place>, StoreError> {
        let statement = FindEnd {
            entries,
            skipped: count - 1,
        };
        let find = async |mut connection: &AsyncPgConnection| (&statement).get_result(&mut connection).await.optional();
        if entries.is_distributed() {
            self.database.read_distributed(find).await
        } else {
            self.database.read_page(entries.start(), find).await
        }
    }

    /// The events that match the filters, among the entries up to this one, for which the page has room.
    async fn find_events(
        &self,
        page: &Page,
        entries: &Entries,
        through: Option<Place>,
        filters: &TextFilters<'_>,
        deleted: &HashSet<Uuid>,
    ) -> Result<Found, StoreError> {
        let room = page.room();
        // Without room, one event tells whether more follow.
        let statement = ListEvents::new(entries, through, filters, room, page.room_bytes().max(1));
        let load = async |mut connection: &AsyncPgConnection| (&statement).load(&mut connection).await;
        let mut rows: Vec<(AuditEventRow, bool, bool)> = if entries.is_distributed() {
            self.database.read_distributed(load).await?
        } else {
            self.database.read_page(entries.start(), load).await?
        };
        let has_more = rows.len() > room || rows.last().is_some_and(|(.., has_next)| *has_next);
        rows.truncate(room);
        let records = rows.into_iter().map(|(row, of_deleted_tenant, _)| {
            if of_deleted_tenant {
                row.into_record_without_tenant()
            } else {
                row.into_record_without(deleted)
            }
        });
        Ok(Found {
            records: records.collect::<Result<_, DbError>>()?,
            has_more,
        })
    }
}
