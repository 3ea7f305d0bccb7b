//! Events of many callers, committed together: what comes while one commit is under way shares the next. An event is
//! answered after its commit, and one that cannot be stored fails alone.

use super::audit::{insert_all, numbered};
use super::batches::{Batches, Waiting};
use super::database::Database;
use super::fault::{DbError, violates};
use super::span::in_span;
use super::tenants::known;
use super::transaction::Finish;
use crate::records::NewAuditEvent;
use crate::store::{AuditAppended, StoreError};
use diesel_async::AsyncPgConnection;
use std::pin::pin;
use std::sync::Arc;

/// Events of one commit.
const MOST_AT_ONCE: usize = 512;

/// Bytes of text in one commit; a single event may have more.
const MOST_BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

/// Commits at once: while one waits for the disk, the next is made ready.
const COMMITTERS: usize = 2;

/// Takes events for the next commit.
pub(super) struct Appender(Batches<NewAuditEvent, AuditAppended>);

type Event = Waiting<NewAuditEvent, AuditAppended>;

impl Appender {
    /// Starts to commit, until the value is dropped. Needs a runtime.
    pub(super) fn start(database: &Arc<Database>) -> Self {
        let database = Arc::clone(database);
        Self(Batches::start(COMMITTERS, MOST_AT_ONCE, move |waiting| {
            commit_all(Arc::clone(&database), waiting)
        }))
    }

    /// Appends an event; returns when it is committed.
    pub(super) async fn append(&self, event: NewAuditEvent) -> Result<AuditAppended, StoreError> {
        // A task that was cut off with the runtime was in the middle of whatever it did.
        in_span("append", pin!(self.0.ask(event, DbError::OutcomeUnknown))).await
    }
}

async fn commit_all(database: Arc<Database>, mut waiting: Vec<Event>) {
    while !waiting.is_empty() {
        let later = waiting.split_off(fitting(&waiting));
        commit(&database, waiting).await;
        waiting = later;
    }
}

/// How many of the first events one commit takes: one at least.
fn fitting(waiting: &[Event]) -> usize {
    let mut bytes = 0;
    let fits = |waiting: &&Event| {
        bytes += text_bytes(&waiting.question);
        bytes <= MOST_BYTES_AT_ONCE
    };
    waiting.iter().take_while(fits).count().max(1)
}

fn text_bytes(event: &NewAuditEvent) -> usize {
    let texts = [
        &event.actor_name,
        &event.actor_type,
        &event.target_id,
        &event.target_type,
        &event.target_name,
    ];
    let metadata = event.metadata.as_ref().map_or(0, |metadata| {
        // As long as its text, which is what is sent.
        serde_json::to_string(metadata).map_or(0, |text| text.len())
    });
    metadata
        + event.action.as_str().len()
        + event.actor_id.as_ref().map_or(0, |text| text.as_str().len())
        + event.product.as_ref().map_or(0, |text| text.as_str().len())
        + texts
            .into_iter()
            .flatten()
            .map(|text| text.as_str().len())
            .sum::<usize>()
}

/// Commits events together, and answers each.
async fn commit(database: &Database, waiting: Vec<Event>) {
    let (events, askers): (Vec<_>, Vec<_>) = waiting.into_iter().map(Waiting::into_parts).unzip();
    let results: Vec<_> = match append_all(database, &events).await {
        Ok(appended) => appended.into_iter().map(Ok).collect(),
        // One of them is at fault, and the others are not to suffer for it.
        Err(StoreError::Internal(_)) if events.len() > 1 => one_by_one(database, &events).await,
        Err(error) => events.iter().map(|_| Err(error.clone())).collect(),
    };
    for (asker, result) in askers.into_iter().zip(results) {
        asker.answer(result);
    }
}

async fn one_by_one(database: &Database, events: &[NewAuditEvent]) -> Vec<Result<AuditAppended, StoreError>> {
    let mut results = Vec::with_capacity(events.len());
    for event in events {
        let appended = append_all(database, std::slice::from_ref(event)).await;
        // One result for one event.
        results.extend(match appended {
            Ok(appended) => appended.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
    }
    results
}

/// Appends events in one transaction, each as if it were alone.
async fn append_all(database: &Database, events: &[NewAuditEvent]) -> Result<Vec<AuditAppended>, StoreError> {
    let at_first = database
        .write(
            async |connection: &mut AsyncPgConnection| match insert_all(connection, events).await {
                Ok(ids) => finish(events.iter().map(|_| true), &ids, events).map(|finish| match finish {
                    Finish::Commit { value, event } => Finish::Commit {
                        value: Some(value),
                        event,
                    },
                    Finish::Rollback(value) => Finish::Rollback(Some(value)),
                }),
                Err(error) if violates(&error, "audit_log_tenant_id_fkey") => Ok(Finish::Rollback(None)),
                Err(error) => Err(error.into()),
            },
        )
        .await?;
    match at_first {
        Some(appended) => Ok(appended),
        None => append_known(database, events).await,
    }
}

/// The same where some tenant is unknown: which, is looked up, and the known are kept from going away meanwhile.
async fn append_known(database: &Database, events: &[NewAuditEvent]) -> Result<Vec<AuditAppended>, StoreError> {
    database
        .write(async |connection: &mut AsyncPgConnection| {
            let known = known(connection, events.iter().filter_map(|event| event.tenant_id)).await?;
            let is_known: Vec<bool> = events
                .iter()
                .map(|event| event.tenant_id.is_none_or(|id| known.contains(&id)))
                .collect();
            let good: Vec<NewAuditEvent> = events
                .iter()
                .zip(&is_known)
                .filter(|(_, is_known)| **is_known)
                .map(|(event, _)| event.clone())
                .collect();
            let ids = insert_all(connection, &good).await?;
            finish(is_known.iter().copied(), &ids, events)
        })
        .await
}

/// Gives each event that was inserted its number, in order.
fn finish(
    inserted: impl Iterator<Item = bool>,
    ids: &[i64],
    events: &[NewAuditEvent],
) -> Result<Finish<Vec<AuditAppended>>, DbError> {
    let mut ids = ids.iter();
    let mut last = None;
    let mut appended = Vec::with_capacity(events.len());
    for (event, is_inserted) in events.iter().zip(inserted) {
        if is_inserted {
            let id = ids
                .next()
                .ok_or_else(|| DbError::Internal("fewer numbers than events came back".to_owned()))?;
            let record = Box::new(numbered(*id, event.clone())?);
            last = Some(record.clone());
            appended.push(AuditAppended::Appended(record));
        } else {
            appended.push(AuditAppended::TenantNotFound);
        }
    }
    Ok(match last {
        Some(event) => Finish::Commit { value: appended, event },
        None => Finish::Rollback(appended),
    })
}
