//! Appends the events of one request in one transaction. They are many already, so they do not wait for those of others.

use crate::records::{AuditEventRecord, EventBatch};
use crate::store::postgres::ScopedPostgresStore;
use crate::store::postgres::audit_log::{insert_events_on_connection, numbered_event};
use crate::store::postgres::error::{DbError, violates};
use crate::store::postgres::idempotency::{insert_response_on_connection, key_in_use};
use crate::store::postgres::schema::tenants;
use crate::store::postgres::transaction::Finish;
use crate::store::{AuditBatchAppended, StoreError};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashSet;
use tenant_registry_contract::types::TenantId;
use uuid::Uuid;

/// The outcome of the transaction.
enum Outcome {
    Appended(Vec<AuditEventRecord>),
    TenantNotFound,
}

impl ScopedPostgresStore {
    pub(super) async fn append_batch(&self, batch: &EventBatch) -> Result<AuditBatchAppended, StoreError> {
        let outcome = self
            .database
            .transaction(async |connection: &AsyncPgConnection| {
                match insert_events_on_connection(connection, &batch.events).await {
                    Ok(ids) => finish(connection, &ids, batch).await,
                    Err(error) if violates(&error, "audit_log_tenant_id_fkey") => {
                        Ok(Finish::Rollback(Outcome::TenantNotFound))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await?;
        match outcome {
            Outcome::Appended(records) => Ok(AuditBatchAppended::Appended(records)),
            Outcome::TenantNotFound => self
                .missing_tenants(batch)
                .await
                .map(AuditBatchAppended::TenantsNotFound),
        }
    }

    /// The tenants of the events that do not exist. A missing tenant stays missing, because the service chooses the ids.
    async fn missing_tenants(&self, batch: &EventBatch) -> Result<HashSet<TenantId>, StoreError> {
        let mut missing: HashSet<TenantId> = batch.events.iter().filter_map(|event| event.tenant_id).collect();
        let ids: Vec<Uuid> = missing.iter().copied().map(Uuid::from).collect();
        let existing: Vec<Uuid> = self
            .database
            .read(async |mut connection: &AsyncPgConnection| {
                let existing = tenants::table.filter(tenants::id.eq_any(&ids));
                existing.select(tenants::id).load(&mut connection).await
            })
            .await?;
        for id in existing {
            missing.remove(&TenantId::from(id));
        }
        if missing.is_empty() {
            return Err(DbError::Internal("a batch was rejected although its tenants exist".to_owned()).into());
        }
        Ok(missing)
    }
}

/// Pairs the inserted events with their numbers, which are in the same order, and inserts the response.
async fn finish(connection: &AsyncPgConnection, ids: &[i64], batch: &EventBatch) -> Result<Finish<Outcome>, DbError> {
    let EventBatch { events, response } = batch;
    if ids.len() != events.len() {
        let (ids, events) = (ids.len(), events.len());
        return Err(DbError::Internal(format!("{events} audit events got {ids} numbers")));
    }
    let records = ids
        .iter()
        .zip(events)
        .map(|(id, event)| numbered_event(*id, event.clone()));
    let records: Vec<AuditEventRecord> = records.collect::<Result<_, _>>()?;
    if let Some(response) = response
        && !insert_response_on_connection(connection, response, &records).await?
    {
        return Err(key_in_use());
    }
    Ok(match records.last().cloned() {
        Some(last) => Finish::Commit {
            value: Outcome::Appended(records),
            event: Box::new(last),
        },
        None => Finish::Rollback(Outcome::Appended(records)),
    })
}
