//! Transactions: the only place where the service begins and commits one.
//!
//! The server rolls back a transaction that does not reach its COMMIT. It is repeated after a transient error. If it
//! fails, the error says that nothing was changed. If the connection breaks during COMMIT, the change may have been made.
//! Every change commits together with an audit event, so the event shows whether it was. The same check follows if the lease
//! of the primary ended during COMMIT, because another server may have become the primary without the change.

use super::audit_log;
use super::error::DbError;
use super::idempotency;
use super::scoped::ScopedDatabase;
use super::span::in_span;
use super::statements::{Work, begin_with, close, execute, return_to_pool};
use crate::records::{AuditEventRecord, EventWithResponse};
use crate::store::StoreError;
use backon::{ExponentialBuilder, Retryable};
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::AsyncPgConnection;
use scopeguard::guard;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Begins a transaction without the server's `statement_timeout`, which would end the wait of a COMMIT for a synchronous
/// standby with only a warning. The change would then be acknowledged while it is on one disk. `lock_timeout` and the
/// client's time limit still apply.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0";

/// How a transaction ends.
pub(super) enum Finish<T> {
    /// Commit.
    Commit {
        /// The value to return.
        value: T,
        /// An audit event that the transaction inserted.
        event: Box<AuditEventRecord>,
    },
    /// Roll back and return the value.
    Rollback(T),
}

impl<T> Finish<T> {
    /// Inserts the audit event of a change, and its response if the request has an `Idempotency-Key`, to commit all of them.
    pub(super) async fn commit_with_event(
        connection: &AsyncPgConnection,
        value: T,
        event: impl Into<EventWithResponse>,
    ) -> Result<Self, DbError> {
        let EventWithResponse { event, response } = event.into();
        let event = audit_log::insert_event_on_connection(connection, event).await?;
        let responses = response.iter().map(|response| (response, &event));
        if !idempotency::insert_responses_on_connection(connection, responses).await? {
            return Err(idempotency::key_in_use());
        }
        Ok(Self::Commit {
            value,
            event: Box::new(event),
        })
    }
}

impl ScopedDatabase {
    /// Runs a transaction. `work` may be called again.
    pub(super) async fn transaction<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<Finish<T>, DbError>
            + Work<&'c AsyncPgConnection, Result<Finish<T>, DbError>, Running: Send>
            + Sync,
    {
        let attempt = async || self.attempt_transaction(&work).await;
        Ok(in_span("transaction", pin!(self.database.retry_transient(attempt))).await?)
    }

    async fn attempt_transaction<T, F>(&self, work: &F) -> Result<T, DbError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<Finish<T>, DbError>
            + Work<&'c AsyncPgConnection, Result<Finish<T>, DbError>, Running: Send>
            + Sync,
    {
        let connections = self.database.connections()?;
        // If the caller goes away before the end, the connection is closed. The server then rolls back.
        let connection = guard(self.bounds.pool(&connections).get().await?, close);
        let begin = format!("{BEGIN}{}", self.bounds.begin());
        let finish = self
            .database
            .with_time_limit(pin!(begin_with(&connection, &begin, work(&connection))))
            .await?;
        match finish {
            Finish::Rollback(value) => {
                let rolled_back = self
                    .database
                    .with_time_limit(pin!(execute(&connection, "ROLLBACK")))
                    .await;
                // The value is right even if the ROLLBACK fails: the server rolls back when the connection closes.
                if rolled_back.is_ok() {
                    return_to_pool(connection);
                }
                // It was read.
                connections.lease.check()?;
                Ok(value)
            }
            Finish::Commit { value, event } => {
                // Without a COMMIT, nothing is changed for sure.
                connections.lease.check()?;
                let limit = self.database.time_limit();
                let failure = match timeout(limit, execute(&connection, "COMMIT")).await {
                    Ok(Ok(())) if connections.lease.check().is_ok() => {
                        return_to_pool(connection);
                        return Ok(value);
                    }
                    Ok(Ok(())) => "the lease of the primary ended during COMMIT".to_owned(),
                    Ok(Err(error @ Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _))) => {
                        return Err(error.into());
                    }
                    Ok(Err(error)) => format!("COMMIT: {error}"),
                    Err(_) => format!("COMMIT took more than {limit:?}"),
                };
                drop(connection);
                if self.is_committed(&event).await {
                    Ok(value)
                } else {
                    Err(DbError::OutcomeUnknown(failure))
                }
            }
        }
    }

    /// Whether this event is in the audit log. Keeps asking for a while, since the server may have been lost together with
    /// the connection that wrote the event.
    async fn is_committed(&self, event: &AuditEventRecord) -> bool {
        let end = Instant::now() + self.database.statement_timeout;
        let find = async || audit_log::find_event(self, event.id).await;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times();
        let found = find.retry(pauses).when(|_| Instant::now() < end).await;
        matches!(found, Ok(Some(stored)) if stored == *event)
    }
}
