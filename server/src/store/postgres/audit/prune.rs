//! Pruning of old audit events for operators, under a separate database role.
//!
//! It goes through the log from its old end in small batches. Readers and writers do not wait for it: no other transaction
//! locks the rows that it deletes. The database records each batch: a trigger for events of `audit_log`, and the function that
//! deletes distributed events.

use crate::store::postgres::connection::{ConnectError, DatabaseUrl, connect_unpooled};
use crate::store::postgres::error::DbError;
use crate::store::postgres::schema::audit_log;
use crate::store::{AuditPruneStore, PrunedBatch, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use tenant_registry_contract::types::Timestamp;
use thiserror::Error;

/// The only role that the trigger of `audit_log` allows to delete.
const PRUNER: &str = "tenant_registry_pruner";

/// Number of events that a batch reads.
const BATCH_EVENTS: i32 = 5_000;

/// Upper bound of the difference between the clocks of replicas. Apart from that difference, the times of events increase
/// with their numbers.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::hours(1);

/// Why pruning cannot begin. Nothing was deleted.
#[derive(Debug, Error)]
pub enum PruneConnectError {
    /// The database does not respond.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The role is missing or not granted to the user.
    #[error(
        "the role `{PRUNER}` cannot be used ({0}); run as an administrator: CREATE ROLE {PRUNER}; GRANT SELECT, DELETE \
         ON audit_log TO {PRUNER}; GRANT {PRUNER} TO <this user>"
    )]
    Role(String),
}

impl From<ConnectError> for PruneConnectError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// A connection under the role that may delete audit events.
pub struct PostgresPruneStore(AsyncPgConnection);

impl PostgresPruneStore {
    /// Connects and switches to the role.
    ///
    /// # Errors
    /// If the database does not respond, or the user may not use the role.
    pub async fn connect(url: &DatabaseUrl, connect_timeout: Duration) -> Result<Self, PruneConnectError> {
        let mut connection = connect_unpooled(url, connect_timeout).await?;
        connection
            .batch_execute(&format!("SET ROLE {PRUNER}"))
            .await
            .map_err(|error| PruneConnectError::Role(error.to_string()))?;
        Ok(Self(connection))
    }
}

impl AuditPruneStore for PostgresPruneStore {
    async fn audit_prunable_until(&mut self) -> Result<Timestamp, StoreError> {
        let latest = diesel::select(sql::<Timestamptz>("now() - audit_log_minimum_age()")).get_result(&mut self.0);
        let latest: DateTime<Utc> = latest.await.map_err(DbError::from)?;
        // A minimum age of thousands of years means that no event can be deleted.
        Ok(Timestamp::try_from(latest).unwrap_or(Timestamp::MIN))
    }

    async fn audit_delete_batch(&mut self, before: Timestamp, after: i64) -> Result<Option<PrunedBatch>, StoreError> {
        let batch = delete_batch_on_connection(&mut self.0, before.into(), after);
        Ok(batch.await.map_err(DbError::from)?)
    }

    async fn audit_delete_distributed_batch(&mut self, before: Timestamp) -> Result<Option<u64>, StoreError> {
        let before = DateTime::<Utc>::from(before);
        let deleted = diesel::select(audit_log_distributed_prune(before, BATCH_EVENTS)).get_result(&mut self.0);
        let deleted: Option<i32> = deleted.await.map_err(DbError::from)?;
        Ok(deleted.map(|deleted| deleted.try_into().unwrap_or_default()))
    }
}

diesel::define_sql_function! {
    /// Deletes at most so many distributed events that are older than this, and returns how many. `None` if none are left.
    fn audit_log_distributed_prune(before: Timestamptz, max_events: Integer) -> Nullable<Integer>;
}

/// Needs no transaction: events do not change between the two statements.
async fn delete_batch_on_connection(
    connection: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    after: i64,
) -> QueryResult<Option<PrunedBatch>> {
    let next = audit_log::table
        .filter(audit_log::id.gt(after))
        .order(audit_log::id)
        .limit(BATCH_EVENTS.into())
        .select((audit_log::id, audit_log::created_at));
    let next: Vec<(i64, DateTime<Utc>)> = next.load(connection).await?;
    let may_have_old = next
        .iter()
        .any(|(_, created_at)| *created_at < before + MAX_CLOCK_DIFFERENCE);
    let Some((last, _)) = next.last().copied().filter(|_| may_have_old) else {
        return Ok(None);
    };
    let old: Vec<i64> = next
        .into_iter()
        .filter(|(_, created_at)| *created_at < before)
        .map(|(id, _)| id)
        .collect();
    let deleted = diesel::delete(audit_log::table.filter(audit_log::id.eq_any(old)))
        .execute(connection)
        .await?;
    Ok(Some(PrunedBatch {
        last,
        deleted: deleted.try_into().unwrap_or(u64::MAX),
    }))
}
