//! How statements run: with a limit in time, again where that may help, and never half.
//!
//! What did not reach its commit is undone by the server, whatever happened to the connection; it is repeated where the
//! cause may pass, and is otherwise a failure that says that nothing was changed. What broke at its commit may have been
//! done: then the audit event, which commits with every change, is looked for and tells.

use super::audit::audit_event;
use super::database::Database;
use super::fault::DbError;
use super::pool::PooledConnection;
use super::shared::SharedConnections;
use super::span::in_span;
use crate::records::AuditEventRecord;
use crate::store::StoreError;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A write may wait for a lock and for a standby, and each has a limit of its own: `lock_timeout`, and the client's for
/// the whole. The server's `statement_timeout` must not be one: it would end the wait of a COMMIT for a synchronous
/// standby with a warning alone, and a change that one disk has would be acknowledged.
const BEGIN_WRITE: &str = "BEGIN; SET LOCAL statement_timeout = 0";

/// The server's own limits come first, and say more.
const GRACE: Duration = Duration::from_millis(500);

/// How often a transaction is repeated, after how long: 10 ms, doubled each time, each up to twice as long by chance.
fn repetitions() -> impl BackoffBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_times(4)
        .with_jitter()
}

/// An asynchronous function whose future can be sent to another thread: bounds on the future of an `AsyncFn` cannot be
/// written yet.
pub(super) trait Work<Argument, R>:
    AsyncFn(Argument) -> R + Fn(Argument) -> <Self as Work<Argument, R>>::Running
{
    /// The function, running.
    type Running: Future<Output = R>;
}

impl<F, Argument, R, Running> Work<Argument, R> for F
where
    F: AsyncFn(Argument) -> R + Fn(Argument) -> Running,
    Running: Future<Output = R>,
{
    type Running = Running;
}

/// How a transaction is to end.
pub(super) enum Finish<T> {
    /// Everything is written.
    Commit {
        /// What to return.
        value: T,
        /// The event that was written with it.
        event: Box<AuditEventRecord>,
    },
    /// Nothing is.
    Rollback(T),
}

impl Database {
    /// Runs statements that change nothing, or that may be repeated without harm, outside a transaction.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c mut AsyncPgConnection) -> Result<T, Error>
            + Work<&'c mut AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let mut connection = self.pool.get().await?;
            let result = self.in_time(pin!(work(&mut connection))).await;
            kept_if_sound(connection, result)
        };
        Ok(in_span("read", pin!(self.repeated(attempt))).await?)
    }

    /// Looks something up on a connection that others use at the same time.
    pub(super) async fn look_up<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("look_up", pin!(self.read_on(&self.look_ups, work))).await
    }

    /// Reads a page of a list on a connection that others use at the same time.
    pub(super) async fn page<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("page", pin!(self.read_on(&self.pages, work))).await
    }

    async fn read_on<T, F>(&self, connections: &SharedConnections, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let connection = connections.get().await?;
            let result = self.in_time(pin!(work(&connection))).await;
            if result.is_err() {
                connections.discard(&connection);
            }
            result
        };
        Ok(self.repeated(attempt).await?)
    }

    /// Runs a transaction.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c mut AsyncPgConnection) -> Result<Finish<T>, DbError>
            + Work<&'c mut AsyncPgConnection, Result<Finish<T>, DbError>, Running: Send>
            + Sync,
    {
        let attempt = async || self.write_once(&work).await;
        Ok(in_span("transaction", pin!(self.repeated(attempt))).await?)
    }

    async fn write_once<T, F>(&self, work: &F) -> Result<T, DbError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c mut AsyncPgConnection) -> Result<Finish<T>, DbError>
            + Work<&'c mut AsyncPgConnection, Result<Finish<T>, DbError>, Running: Send>
            + Sync,
    {
        let mut connection = self.pool.get().await?;
        let worked = self
            .in_time(pin!(async {
                AnsiTransactionManager::begin_transaction_sql(&mut *connection, BEGIN_WRITE).await?;
                work(&mut connection).await
            }))
            .await;
        let (mut connection, finish) = match worked {
            Ok(finish) => (connection, finish),
            Err(fault) => return kept_if_sound(connection, Err(fault)),
        };
        match finish {
            Finish::Rollback(value) => {
                let undone = self
                    .in_time(pin!(AnsiTransactionManager::rollback_transaction(&mut *connection)))
                    .await;
                // The value stands, whether or not the server could still be told.
                let _ = kept_if_sound(connection, undone);
                Ok(value)
            }
            Finish::Commit { value, event } => {
                let committed = timeout(
                    self.statement_timeout + GRACE,
                    AnsiTransactionManager::commit_transaction(&mut *connection),
                )
                .await;
                let broken = match committed {
                    Ok(Ok(())) => return Ok(value),
                    Ok(Err(error @ Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _))) => {
                        return kept_if_sound(connection, Err(error.into()));
                    }
                    Ok(Err(error)) => format!("COMMIT: {error}"),
                    Err(_) => format!("COMMIT took more than {:?}", self.statement_timeout + GRACE),
                };
                close(connection);
                if self.is_logged(&event).await {
                    Ok(value)
                } else {
                    Err(DbError::OutcomeUnknown(broken))
                }
            }
        }
    }

    /// Is this very event in the log? Whoever asks has lost the connection that wrote it, and perhaps the server.
    async fn is_logged(&self, event: &AuditEventRecord) -> bool {
        let end = Instant::now() + self.statement_timeout;
        let ask = async || audit_event(self, event.id).await;
        let patient = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times();
        let found = ask.retry(patient).when(|_| Instant::now() < end).await;
        matches!(found, Ok(Some(logged)) if logged == *event)
    }

    async fn in_time<T, E>(&self, work: Pin<&mut impl Future<Output = Result<T, E>>>) -> Result<T, DbError>
    where
        DbError: From<E>,
    {
        let limit = self.statement_timeout + GRACE;
        match timeout(limit, work).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(DbError::Unavailable(format!("the database took more than {limit:?}"))),
        }
    }

    /// Each attempt is boxed: as a part of the futures around it, it would make kilobytes of each of them, which are copied
    /// where one hands another on.
    async fn repeated<T, A, F>(&self, mut attempt: A) -> Result<T, DbError>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, DbError>>,
    {
        let end = Instant::now() + self.statement_timeout;
        let boxed = || Box::pin(attempt());
        boxed
            .retry(repetitions())
            .when(|fault| match fault {
                DbError::Transient(_) => Instant::now() < end,
                DbError::Unavailable(_) | DbError::OutcomeUnknown(_) | DbError::Internal(_) => false,
            })
            .await
    }
}

/// A connection on which something failed is not used again: it may be closed, be that of a standby, or still be busy.
/// The server undoes what was open on it.
fn kept_if_sound<T>(connection: PooledConnection, result: Result<T, DbError>) -> Result<T, DbError> {
    if result.is_err() {
        close(connection);
    }
    result
}

fn close(connection: PooledConnection) {
    drop(Object::take(connection));
}
