//! The audit log.

use super::MemoryStore;
use crate::records::{AuditEventList, AuditEventRecord, AuditQuery, EventBatch, EventWithResponse, NewAuditEvent};
use crate::store::{AuditAppended, AuditBatchAppended, AuditStore, StoreError};
use std::cmp::Reverse;
use std::collections::HashSet;
use tenant_registry_contract::types::{AuditCursor, AuditEventId, StoredText, TenantId, Timestamp};

impl AuditStore for MemoryStore {
    async fn audit_append(&self, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
        let mut state = self.state();
        if event.event.tenant_id.is_some_and(|id| !state.tenants.contains_key(&id)) {
            return Ok(AuditAppended::TenantNotFound);
        }
        let record = state.append_event(event)?;
        Ok(AuditAppended::Appended(Box::new(record)))
    }

    async fn audit_append_batch(&self, batch: EventBatch) -> Result<AuditBatchAppended, StoreError> {
        let mut state = self.state();
        let EventBatch { events, response } = batch;
        let tenant_ids = events.iter().filter_map(|event| event.tenant_id);
        let missing: HashSet<TenantId> = tenant_ids.filter(|id| !state.tenants.contains_key(id)).collect();
        if !missing.is_empty() {
            return Ok(AuditBatchAppended::TenantsNotFound(missing));
        }
        let records = state.numbered_events(events)?;
        if let Some(response) = response {
            state.response_insert(response.record(&records))?;
        }
        state.audit_events.extend_from_slice(&records);
        Ok(AuditBatchAppended::Appended(records))
    }

    async fn audit_get(&self, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
        let events = &self.state().audit_events;
        let index = events.binary_search_by_key(&id, |record| record.id);
        Ok(index.ok().and_then(|index| events.get(index)).cloned())
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<AuditEventList, StoreError> {
        let state = self.state();
        let events = &state.audit_events;
        let of_tenant = |record: &&AuditEventRecord| query.tenant_id == record.event.tenant_id;
        let cursor = match query.before {
            None => None,
            Some(cursor) => {
                let index = events.partition_point(|record| record.id.get() < cursor.get());
                let place = events.get(index);
                if query.tenant_id.is_none() {
                    place.map(sort_key)
                } else if let Some(place) = place.filter(|it| it.id.get() == cursor.get()).filter(of_tenant) {
                    Some(sort_key(place))
                } else {
                    let newest = events.iter().filter(of_tenant).max_by_key(|record| sort_key(record));
                    if newest.is_none_or(|newest| newest.id.get() >= cursor.get()) {
                        return Ok(AuditEventList::default());
                    }
                    None
                }
            }
        };
        let mut matching: Vec<_> = events
            .iter()
            .filter(|record| matches_filters(&record.event, &query))
            .filter(|record| cursor.is_none_or(|cursor| sort_key(record) < cursor))
            .collect();
        matching.sort_unstable_by_key(|record| Reverse(sort_key(record)));
        let mut bytes = 0;
        let records: Vec<_> = matching
            .iter()
            .take(query.limit)
            .take_while(|record| {
                let is_within = bytes < query.max_bytes;
                bytes += record.event.text_bytes();
                is_within
            })
            .map(|record| (*record).clone())
            .collect();
        let has_more = records.len() < matching.len();
        let last = records.last().filter(|_| has_more);
        Ok(AuditEventList {
            next: last.map(|record| AuditCursor::from(record.id.get())),
            records,
        })
    }

    async fn audit_clear_deleted_tenant(&self) -> Result<bool, StoreError> {
        // The deletion itself has cleared them all.
        Ok(false)
    }
}

/// The position of an event in the list.
fn sort_key(record: &AuditEventRecord) -> (Timestamp, i64) {
    (record.event.created_at, record.id.get())
}

fn matches_filters(event: &NewAuditEvent, query: &AuditQuery) -> bool {
    let AuditQuery {
        tenant_id,
        product,
        actor_id,
        action,
        since,
        until,
        before: _,
        limit: _,
        max_bytes: _,
    } = query;
    let same = |stored: &Option<StoredText>, wanted: &str| stored.as_ref().is_some_and(|it| it.as_str() == wanted);
    (tenant_id.is_none() || *tenant_id == event.tenant_id)
        && product
            .as_ref()
            .is_none_or(|wanted| same(&event.product, wanted.as_str()))
        && actor_id
            .as_ref()
            .is_none_or(|wanted| same(&event.actor_id, wanted.as_str()))
        && action
            .as_ref()
            .is_none_or(|wanted| event.action.as_str() == wanted.as_str())
        && since.is_none_or(|since| since <= event.created_at)
        && until.is_none_or(|until| event.created_at < until)
}
