//! Deleting old audit events, for operators, under a role of its own. It goes through the log from its old end, some
//! events at a time, so that it keeps no reader and no writer waiting: a row that is deleted is locked by nobody else.

use super::audit::append;
use super::database_url::DatabaseUrl;
use super::fault::DbError;
use super::pool::{ConnectError, connect_alone};
use super::schema::audit_log;
use crate::domain::clock::Clock;
use crate::domain::retention::{Progress, prune_event};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use tenant_registry_contract::types::ConstraintError;
use thiserror::Error;
use tracing::info;

/// The role that the trigger of `audit_log` lets delete.
pub const PRUNER: &str = "tenant_registry_pruner";

/// Events that are looked at, and deleted, in one transaction.
const AT_ONCE: i64 = 5_000;

/// Times and numbers of events grow together but for what replicas' clocks differ by, which is less than this.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::hours(1);

/// Why nothing, or not everything, was deleted.
#[derive(Debug, Error)]
pub enum RetentionError {
    /// The time is still to come: the record of the deletion itself would go as well.
    #[error("`--before` must not lie in the future; it is {0} now")]
    Future(DateTime<Utc>),
    /// The database does not answer.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The role is missing, or not granted.
    #[error(
        "the role `{PRUNER}` cannot be taken on ({0}); as an administrator: CREATE ROLE {PRUNER}; GRANT SELECT, INSERT, \
         DELETE ON audit_log TO {PRUNER}; GRANT {PRUNER} TO <this user>"
    )]
    Role(String),
    /// The database refused in between; what was deleted before stays deleted.
    #[error("not everything was deleted: {0}; run it again")]
    Failed(String),
}

impl From<ConnectError> for RetentionError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<diesel::result::Error> for RetentionError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ConstraintError> for RetentionError {
    fn from(error: ConstraintError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<DbError> for RetentionError {
    fn from(fault: DbError) -> Self {
        let (DbError::Transient(text)
        | DbError::Unavailable(text)
        | DbError::OutcomeUnknown(text)
        | DbError::Internal(text)) = fault;
        Self::Failed(text)
    }
}

/// Deletes the events before a time, and says in the log that it begins and what it has done. Returns how many they were.
///
/// # Errors
/// When the time lies in the future; when the database does not answer or refuses, where running it again goes on.
pub async fn prune(
    url: &DatabaseUrl,
    connect_timeout: Duration,
    before: DateTime<Utc>,
    clock: &Clock,
) -> Result<u64, RetentionError> {
    if before > clock.now() {
        return Err(RetentionError::Future(clock.now()));
    }
    let mut connection = connect_alone(url, connect_timeout).await?;
    let operator: String = diesel::select(sql::<Text>("session_user::text"))
        .get_result(&mut connection)
        .await?;
    connection
        .batch_execute(&format!("SET ROLE {PRUNER}"))
        .await
        .map_err(|error| RetentionError::Role(error.to_string()))?;
    append(
        &mut connection,
        prune_event(Progress::Started, before, &operator, clock.now())?,
    )
    .await?;
    let mut deleted = 0;
    let mut last = 0;
    while let Some(Step { seen_to, count }) = prune_some(&mut connection, before, last).await? {
        last = seen_to;
        deleted += count;
        info!(deleted, "pruned the audit log");
    }
    let done = prune_event(Progress::Done { deleted }, before, &operator, clock.now())?;
    append(&mut connection, done).await?;
    Ok(deleted)
}

struct Step {
    seen_to: i64,
    count: u64,
}

/// Deletes what is old among the next events; none where there is nothing old any more.
async fn prune_some(
    connection: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    after: i64,
) -> Result<Option<Step>, diesel::result::Error> {
    connection
        .transaction(async |connection: &mut AsyncPgConnection| {
            let next = audit_log::table
                .filter(audit_log::id.gt(after))
                .order(audit_log::id)
                .limit(AT_ONCE)
                .select((audit_log::id, audit_log::created_at));
            let next: Vec<(i64, DateTime<Utc>)> = next.load(connection).await?;
            let may_have_old = next
                .iter()
                .any(|(_, created_at)| *created_at < before + CLOCKS_DIFFER_BY);
            let Some((seen_to, _)) = next.last().copied().filter(|_| may_have_old) else {
                return Ok(None);
            };
            let old: Vec<i64> = next
                .into_iter()
                .filter(|(_, created_at)| *created_at < before)
                .map(|(id, _)| id)
                .collect();
            let count = diesel::delete(audit_log::table.filter(audit_log::id.eq_any(old)))
                .execute(connection)
                .await?;
            Ok(Some(Step {
                seen_to,
                count: count.try_into().unwrap_or(u64::MAX),
            }))
        })
        .await
}
