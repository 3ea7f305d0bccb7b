//! Idempotency records.

use super::ScopedPostgresStore;
use super::error::DbError;
use super::schema::idempotency_records;
use crate::records::{AuditEventRecord, IdempotencyRecord, ResponseToBatch, ResponseToChange};
use crate::store::{IdempotencyStore, StoreError};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::slice;
use tenant_registry_contract::server::{RequestKey, StoredResponse};
use tenant_registry_contract::types::Timestamp;
use uuid::Uuid;

/// The error of a change whose request is not the first one with its key.
pub(super) fn key_in_use() -> DbError {
    DbError::Unavailable("a request with the same Idempotency-Key was faster".to_owned())
}

/// Inserts the records of changes. Returns `false` if there is one for any of the keys; the transaction then has to end
/// without a commit. If another transaction is inserting one, waits for its end.
pub(super) async fn insert_responses_on_connection<'a>(
    connection: &AsyncPgConnection,
    responses: impl Iterator<Item = (&'a ResponseToChange, &'a AuditEventRecord)> + Send,
) -> Result<bool, DbError> {
    let records = responses.map(|(response, event)| response.record(event));
    insert_records_on_connection(connection, records.collect()).await
}

/// The same for the response to a batch of events.
pub(super) async fn insert_response_on_connection(
    connection: &AsyncPgConnection,
    response: &ResponseToBatch,
    events: &[AuditEventRecord],
) -> Result<bool, DbError> {
    insert_records_on_connection(connection, response.record(events).map(|record| vec![record])).await
}

async fn insert_records_on_connection(
    connection: &AsyncPgConnection,
    records: serde_json::Result<Vec<IdempotencyRecord>>,
) -> Result<bool, DbError> {
    let mut records =
        records.map_err(|error| DbError::Internal(format!("a response cannot be serialized: {error}")))?;
    if records.is_empty() {
        return Ok(true);
    }
    // In one order, so that two replicas that insert the same keys do not deadlock.
    records.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
    Ok(insert_on_connection(connection, &records).await? == records.len())
}

fn sort_key(record: &IdempotencyRecord) -> (&[u8], &str, &str) {
    let RequestKey { caller, operation, key } = &record.key;
    (caller, operation, key)
}

/// Inserts the records whose keys have none, and returns how many.
async fn insert_on_connection(mut connection: &AsyncPgConnection, records: &[IdempotencyRecord]) -> QueryResult<usize> {
    let column = |value: fn(&IdempotencyRecord) -> &[u8]| records.iter().map(value).collect::<Vec<_>>();
    let text = |value: fn(&IdempotencyRecord) -> &str| records.iter().map(value).collect::<Vec<_>>();
    let statuses: Vec<i32> = records.iter().map(|it| i32::from(it.response.status)).collect();
    let entity_tags: Vec<Option<&str>> = records.iter().map(|it| it.response.entity_tag.as_deref()).collect();
    let bodies: Vec<Option<&str>> = records.iter().map(|it| it.response.body.as_deref()).collect();
    let tenants: Vec<Option<Uuid>> = records.iter().map(|it| it.tenant_id.map(Uuid::from)).collect();
    let times: Vec<DateTime<Utc>> = records.iter().map(|it| it.created_at.into()).collect();
    diesel::sql_query(
        "INSERT INTO idempotency_records (caller, operation, key, fingerprint, status, entity_tag, body, tenant_id, \
             created_at) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind::<Array<Binary>, _>(column(|it| &it.key.caller))
    .bind::<Array<Text>, _>(text(|it| it.key.operation))
    .bind::<Array<Text>, _>(text(|it| &it.key.key))
    .bind::<Array<Binary>, _>(column(|it| &it.response.fingerprint))
    .bind::<Array<Integer>, _>(statuses)
    .bind::<Array<Nullable<Text>>, _>(entity_tags)
    .bind::<Array<Nullable<Text>>, _>(bodies)
    .bind::<Array<Nullable<SqlUuid>>, _>(tenants)
    .bind::<Array<Timestamptz>, _>(times)
    .execute(&mut connection)
    .await
}

/// The columns of a response.
type ResponseRow = (Vec<u8>, i32, Option<String>, Option<String>);

fn into_response((fingerprint, status, entity_tag, body): ResponseRow) -> Result<StoredResponse, DbError> {
    let corrupt = || DbError::Internal("idempotency_records: a row violates the table's constraints".to_owned());
    Ok(StoredResponse {
        fingerprint: fingerprint.try_into().map_err(|_| corrupt())?,
        status: status.try_into().map_err(|_| corrupt())?,
        entity_tag,
        body,
    })
}

impl IdempotencyStore for ScopedPostgresStore {
    async fn idempotency_record_get(&self, key: &RequestKey) -> Result<Option<StoredResponse>, StoreError> {
        let RequestKey { caller, operation, key } = key;
        let row: Option<ResponseRow> = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let record = idempotency_records::table.find((caller.as_slice(), *operation, key.as_str()));
                record
                    .select((
                        idempotency_records::fingerprint,
                        idempotency_records::status,
                        idempotency_records::entity_tag,
                        idempotency_records::body,
                    ))
                    .first(&mut connection)
                    .await
                    .optional()
            })
            .await?;
        Ok(row.map(into_response).transpose()?)
    }

    async fn idempotency_record_create(&self, record: IdempotencyRecord) -> Result<bool, StoreError> {
        let inserted = self
            .database
            .write_idempotent(async |connection: &AsyncPgConnection| {
                insert_on_connection(connection, slice::from_ref(&record)).await
            })
            .await?;
        Ok(inserted == 1)
    }

    async fn idempotency_records_delete(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let before: DateTime<Utc> = before.into();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database
            .write_idempotent(async |mut connection: &AsyncPgConnection| {
                diesel::sql_query(
                    "DELETE FROM idempotency_records WHERE ctid = ANY(ARRAY( \
                         SELECT ctid FROM idempotency_records WHERE created_at < $1 \
                         ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
                )
                .bind::<Timestamptz, _>(before)
                .bind::<BigInt, _>(limit)
                .execute(&mut connection)
                .await
            })
            .await
    }
}
