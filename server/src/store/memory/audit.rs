//! The audit log.

use super::MemoryStore;
use crate::records::{AuditEventRecord, AuditQuery, NewAuditEvent};
use crate::store::{AuditAppended, AuditStore, StoreError};
use std::cmp::Reverse;
use tenant_registry_contract::types::Timestamp;

impl AuditStore for MemoryStore {
    async fn audit_append(&self, event: NewAuditEvent) -> Result<AuditAppended, StoreError> {
        let mut state = self.state();
        if event.tenant_id.is_some_and(|id| !state.tenants.contains_key(&id)) {
            return Ok(AuditAppended::TenantNotFound);
        }
        let record = state.append_event(event)?;
        Ok(AuditAppended::Appended(Box::new(record)))
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<Vec<AuditEventRecord>, StoreError> {
        let state = self.state();
        let events = &state.audit_events;
        let cursor = query.before.and_then(|cursor| {
            let index = events.partition_point(|record| record.id.get() < cursor.get());
            let mut following = events.iter().skip(index);
            let place = following.find(|record| query.tenant_id.is_none() || query.tenant_id == record.event.tenant_id);
            place.map(sort_key)
        });
        let mut matching: Vec<_> = events
            .iter()
            .filter(|record| matches_filters(&record.event, &query))
            .filter(|record| cursor.is_none_or(|cursor| sort_key(record) < cursor))
            .collect();
        matching.sort_unstable_by_key(|record| Reverse(sort_key(record)));
        Ok(matching.into_iter().take(query.limit).cloned().collect())
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
    } = query;
    (tenant_id.is_none() || *tenant_id == event.tenant_id)
        && (product.is_none() || *product == event.product)
        && (actor_id.is_none() || *actor_id == event.actor_id)
        && action.as_ref().is_none_or(|action| *action == event.action)
        && since.is_none_or(|since| since <= event.created_at)
        && until.is_none_or(|until| event.created_at < until)
}
