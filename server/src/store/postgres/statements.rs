//! Statements outside transactions. They have a time limit and are retried after transient errors.

use super::connection::{Connections, Database, PageStart, PooledConnection, SharedConnections};
use super::error::DbError;
use super::span::in_span;
use crate::store::StoreError;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use diesel::result::Error;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Object;
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Time that the client adds to the server's limits. The server's limits should act first, since its errors say more.
const GRACE: Duration = Duration::from_millis(500);

/// The pauses between attempts: 10 ms, doubled each time, each up to twice as long by chance.
fn retry_pauses() -> impl BackoffBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_times(4)
        .with_jitter()
}

/// An asynchronous function whose future can be bounded, for example by `Send`. Rust cannot yet express such a bound on
/// `AsyncFn`.
pub(super) trait Work<Argument, R>:
    AsyncFn(Argument) -> R + Fn(Argument) -> <Self as Work<Argument, R>>::Running
{
    /// The future.
    type Running: Future<Output = R>;
}

impl<F, Argument, R, Running> Work<Argument, R> for F
where
    F: AsyncFn(Argument) -> R + Fn(Argument) -> Running,
    Running: Future<Output = R>,
{
    type Running = Running;
}

impl Database {
    /// Runs read-only statements on a pooled connection.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("read", pin!(self.run_on_pool(work))).await
    }

    /// Runs a statement that writes, on a pooled connection. It has to be idempotent, since it may be repeated. It writes
    /// no audit event: changes that need one use [`Database::transaction`].
    pub(super) async fn write_idempotent<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("write", pin!(self.run_on_pool(work))).await
    }

    /// Looks up records by an index, on a connection that lookups share.
    pub(super) async fn look_up<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span(
            "look_up",
            pin!(self.run_on_shared(|connections| &connections.lookups, work)),
        )
        .await
    }

    /// Reads a page of a list, on a connection that pages share. It may lead to a standby, so the page can be old.
    pub(super) async fn read_page<T, F>(&self, start: PageStart, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let read = async {
            match self.read_page_from_standby(start, &work).await {
                Some(value) => Ok(value),
                None => self.run_on_shared(|connections| &connections.pages, work).await,
            }
        };
        in_span("page", pin!(read)).await
    }

    /// Makes one attempt. `None` if the page has to be read from the primary.
    async fn read_page_from_standby<T, F>(&self, start: PageStart, work: &F) -> Option<T>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let standbys = self.standbys.as_ref()?;
        let standby = standbys.current(start)?;
        // Boxed like the attempts of `retry_transient`.
        let page = Box::pin(timeout(standbys.page_limit(), work(&standby.connection)));
        standbys.finish(&standby, page.await)
    }

    async fn run_on_pool<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let connections = self.connections()?;
            let connection = connections.pool.get().await?;
            let result = self.with_time_limit(pin!(work(&connection))).await;
            return_to_pool_if_ok(connection, if_still_leased(&connections, result))
        };
        Ok(self.retry_transient(attempt).await?)
    }

    async fn run_on_shared<T, F>(
        &self,
        shared: fn(&Connections) -> &SharedConnections,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let connections = self.connections()?;
            let shared = shared(&connections);
            let connection = shared.get().await?;
            let result = self.with_time_limit(pin!(work(&connection))).await;
            if result.is_err() {
                shared.discard(&connection);
            }
            if_still_leased(&connections, result)
        };
        Ok(self.retry_transient(attempt).await?)
    }

    /// The client's time limit of a statement or a transaction.
    pub(super) fn time_limit(&self) -> Duration {
        self.statement_timeout + GRACE
    }

    pub(super) async fn with_time_limit<T, E>(
        &self,
        work: Pin<&mut impl Future<Output = Result<T, E>>>,
    ) -> Result<T, DbError>
    where
        DbError: From<E>,
    {
        let limit = self.time_limit();
        match timeout(limit, work).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(DbError::Unavailable(format!("the database took more than {limit:?}"))),
        }
    }

    /// Repeats attempts that fail with a transient error. Each attempt is boxed: as a part of the futures around it, it
    /// would add kilobytes to each of them, which are copied whenever one is moved.
    pub(super) async fn retry_transient<T, A, F>(&self, mut attempt: A) -> Result<T, DbError>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, DbError>>,
    {
        let end = Instant::now() + self.statement_timeout;
        let boxed = || Box::pin(attempt());
        boxed
            .retry(retry_pauses())
            .when(|error| match error {
                DbError::Transient(_) => Instant::now() < end,
                DbError::Unavailable(_) | DbError::OutcomeUnknown(_) | DbError::Internal(_) => false,
            })
            .await
    }
}

/// Withholds a result that may have arrived when another server was the primary already.
fn if_still_leased<T>(connections: &Connections, result: Result<T, DbError>) -> Result<T, DbError> {
    let value = result?;
    connections.lease.check()?;
    Ok(value)
}

/// Closes the connection after an error: it may be broken, lead to a standby, or still be busy. The server rolls back its
/// transaction.
fn return_to_pool_if_ok<T>(connection: PooledConnection, result: Result<T, DbError>) -> Result<T, DbError> {
    if result.is_err() {
        close(connection);
    }
    result
}

pub(super) fn close(connection: PooledConnection) {
    drop(Object::take(connection));
}
