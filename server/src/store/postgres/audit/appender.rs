//! Commits the audit events of many callers together. Events that arrive during a commit share the next one. The response
//! to a caller is sent after the commit. An event that cannot be stored does not affect the others.

use crate::records::{AuditEventRecord, EventWithResponse, NewAuditEvent};
use crate::store::postgres::audit_log::{insert_events_on_connection, numbered_event};
use crate::store::postgres::batches::{BatchedRequest, Batches};
use crate::store::postgres::error::{DbError, violates};
use crate::store::postgres::idempotency::{insert_responses_on_connection, key_in_use};
use crate::store::postgres::scoped::{Bounds, ScopedDatabase};
use crate::store::postgres::span::in_span;
use crate::store::postgres::tenants::lock_existing_tenants_in_transaction;
use crate::store::postgres::transaction::Finish;
use crate::store::{AuditAppended, StoreError};
use diesel_async::AsyncPgConnection;
use std::pin::pin;
use std::slice;

/// Maximum number of events in a commit.
const COMMIT_MAX_EVENTS: usize = 512;

/// Maximum size of the text in a commit, in bytes. A single event may be larger.
const COMMIT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Number of commits at the same time. With more of them, each has fewer events, and a commit costs as much as several events
/// (docs/performance.md).
const MAX_COMMITS: usize = 1;

/// Accepts events for the next commit.
pub(in crate::store::postgres) struct Appender(Batches<EventWithResponse, AuditAppended>);

type AppendRequest = BatchedRequest<EventWithResponse, AuditAppended>;

impl Appender {
    /// Commits to this database.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(in crate::store::postgres) fn new(database: ScopedDatabase) -> Self {
        Self(Batches::new(MAX_COMMITS, COMMIT_MAX_EVENTS, move |batch| {
            commit_in_parts(database.clone(), batch)
        }))
    }

    /// Appends an event of a caller and returns when it is committed. A caller with [`Bounds`] shares no commit with
    /// others.
    pub(in crate::store::postgres) async fn append(
        &self,
        database: &ScopedDatabase,
        event: EventWithResponse,
    ) -> Result<AuditAppended, StoreError> {
        match database.bounds {
            Bounds::Tenant(_) => append_one(database, event).await,
            // A batch that was not finished may have been committed.
            Bounds::None => in_span("append", pin!(self.0.submit(event, DbError::OutcomeUnknown))).await,
        }
    }
}

/// Commits a batch, in several commits if its text is too large for one.
async fn commit_in_parts(database: ScopedDatabase, mut batch: Vec<AppendRequest>) {
    while !batch.is_empty() {
        let rest = batch.split_off(count_for_one_commit(&batch));
        commit(&database, batch).await;
        batch = rest;
    }
}

/// How many of the first events fit into one commit. At least one.
fn count_for_one_commit(batch: &[AppendRequest]) -> usize {
    let mut bytes = 0;
    let fits = |append: &&AppendRequest| {
        let EventWithResponse { event, response } = &append.request;
        // The response repeats the event.
        bytes += event.text_bytes() * if response.is_some() { 2 } else { 1 };
        bytes <= COMMIT_MAX_BYTES
    };
    batch.iter().take_while(fits).count().max(1)
}

/// Why events were not appended together.
enum AppendError {
    /// There is a response for the key of one of the requests.
    KeyInUse,
    Store(StoreError),
}

impl From<AppendError> for StoreError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::KeyInUse => key_in_use().into(),
            AppendError::Store(error) => error,
        }
    }
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Commits events together and responds to each caller.
async fn commit(database: &ScopedDatabase, batch: Vec<AppendRequest>) {
    let (events, responders): (Vec<_>, Vec<_>) = batch.into_iter().map(BatchedRequest::into_parts).unzip();
    let results: Vec<_> = match append_all(database, &events).await {
        Ok(appended) => appended.into_iter().map(Ok).collect(),
        // One of the events cannot be stored. Find out which, so that the others are stored.
        Err(AppendError::KeyInUse | AppendError::Store(StoreError::Internal(_))) if events.len() > 1 => {
            append_one_by_one(database, &events).await
        }
        Err(error) => {
            let error = StoreError::from(error);
            events.iter().map(|_| Err(error.clone())).collect()
        }
    };
    for (responder, result) in responders.into_iter().zip(results) {
        responder.respond(result);
    }
}

async fn append_one_by_one(
    database: &ScopedDatabase,
    events: &[EventWithResponse],
) -> Vec<Result<AuditAppended, StoreError>> {
    let mut results = Vec::with_capacity(events.len());
    for event in events {
        let appended = append_all(database, slice::from_ref(event)).await;
        results.extend(match appended {
            Ok(appended) => appended.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error.into())],
        });
    }
    results
}

async fn append_one(database: &ScopedDatabase, event: EventWithResponse) -> Result<AuditAppended, StoreError> {
    let appended = append_all(database, slice::from_ref(&event)).await?;
    let missing = || DbError::Internal("an appended event has no result".to_owned());
    Ok(appended.into_iter().next().ok_or_else(missing)?)
}

/// The outcome of a transaction that appends events.
enum Outcome {
    Appended(Vec<AuditAppended>),
    TenantNotFound,
    KeyInUse,
}

/// Appends events in one transaction. The result of each is the same as if it were appended alone.
async fn append_all(
    database: &ScopedDatabase,
    events: &[EventWithResponse],
) -> Result<Vec<AuditAppended>, AppendError> {
    let outcome = database
        .transaction(async |connection: &AsyncPgConnection| {
            let new_events = events.iter().map(|event| event.event.clone()).collect::<Vec<_>>();
            match insert_events_on_connection(connection, &new_events).await {
                Ok(ids) => finish(connection, &vec![true; events.len()], &ids, events).await,
                Err(error) if violates(&error, "audit_log_tenant_id_fkey") => {
                    Ok(Finish::Rollback(Outcome::TenantNotFound))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await?;
    match outcome {
        Outcome::Appended(appended) => Ok(appended),
        Outcome::TenantNotFound => append_to_existing_tenants(database, events).await,
        Outcome::KeyInUse => Err(AppendError::KeyInUse),
    }
}

/// Appends the events whose tenants exist. For the time of the transaction these tenants cannot be deleted.
async fn append_to_existing_tenants(
    database: &ScopedDatabase,
    events: &[EventWithResponse],
) -> Result<Vec<AuditAppended>, AppendError> {
    let outcome = database
        .transaction(async |connection: &AsyncPgConnection| {
            let tenant_ids = events.iter().filter_map(|event| event.event.tenant_id);
            let existing = lock_existing_tenants_in_transaction(connection, tenant_ids).await?;
            let tenant_exists: Vec<bool> = events
                .iter()
                .map(|event| event.event.tenant_id.is_none_or(|id| existing.contains(&id)))
                .collect();
            let insertable: Vec<NewAuditEvent> = events
                .iter()
                .zip(&tenant_exists)
                .filter(|(_, tenant_exists)| **tenant_exists)
                .map(|(event, _)| event.event.clone())
                .collect();
            let ids = insert_events_on_connection(connection, &insertable).await?;
            finish(connection, &tenant_exists, &ids, events).await
        })
        .await?;
    match outcome {
        Outcome::Appended(appended) => Ok(appended),
        Outcome::KeyInUse => Err(AppendError::KeyInUse),
        Outcome::TenantNotFound => Err(AppendError::Store(
            DbError::Internal("a locked tenant does not exist".to_owned()).into(),
        )),
    }
}

/// Pairs the inserted events with their numbers, which are in the same order, and inserts their responses.
async fn finish(
    connection: &AsyncPgConnection,
    inserted: &[bool],
    ids: &[i64],
    events: &[EventWithResponse],
) -> Result<Finish<Outcome>, DbError> {
    let mut ids = ids.iter();
    let mut appended = Vec::with_capacity(events.len());
    for (event, is_inserted) in events.iter().zip(inserted) {
        appended.push(if *is_inserted {
            let id = ids
                .next()
                .ok_or_else(|| DbError::Internal("the INSERT returned fewer numbers than events".to_owned()))?;
            AuditAppended::Appended(Box::new(numbered_event(*id, event.event.clone())?))
        } else {
            AuditAppended::TenantNotFound
        });
    }
    let responses = events
        .iter()
        .zip(&appended)
        .filter_map(|(event, appended)| Some((event.response.as_ref()?, appended_record(appended)?)));
    if !insert_responses_on_connection(connection, responses).await? {
        return Ok(Finish::Rollback(Outcome::KeyInUse));
    }
    let last = appended.iter().rev().find_map(appended_record).cloned().map(Box::new);
    let value = Outcome::Appended(appended);
    Ok(match last {
        Some(event) => Finish::Commit { value, event },
        None => Finish::Rollback(value),
    })
}

fn appended_record(appended: &AuditAppended) -> Option<&AuditEventRecord> {
    match appended {
        AuditAppended::Appended(record) => Some(record),
        AuditAppended::TenantNotFound => None,
    }
}
