//! Statements outside transactions. They have a time limit and are retried after transient errors.

use super::connection::{Connections, Database, PageStart, Pool, PooledConnection, SharedConnections};
use super::error::DbError;
use super::scoped::{Bounds, ScopedDatabase};
use super::span::in_span;
use crate::store::StoreError;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use diesel::QueryResult;
use diesel::result::Error;
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::TryFutureExt;
use futures_util::future::try_join;
use scopeguard::{ScopeGuard, guard};
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

/// Begins a transaction that reads distributed events. Citus can only plan a statement for several workers if it knows the
/// values. One connection to each worker is enough, because each statement there is short. The first setting sends the others
/// to the workers, and must come before them. A server without Citus accepts all of them.
const BEGIN_DISTRIBUTED: &str = "BEGIN; SET LOCAL citus.propagate_set_commands = 'local'; \
     SET LOCAL citus.max_adaptive_executor_pool_size = 1; SET LOCAL plan_cache_mode = force_custom_plan; \
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off";

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

impl ScopedDatabase {
    /// Runs read-only statements on a pooled connection.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("read", pin!(self.run(Place::Pool, work))).await
    }

    /// Runs a statement that writes, on a pooled connection. It has to be idempotent, since it may be repeated. It writes
    /// no audit event: changes that need one use [`ScopedDatabase::transaction`].
    pub(super) async fn write_idempotent<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("write", pin!(self.run(Place::Pool, work))).await
    }

    /// Looks up records by an index, on a connection that lookups share.
    pub(super) async fn look_up<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        in_span("look_up", pin!(self.run(Place::Lookups, work))).await
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
                None => self.run(Place::Pages, work).await,
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
        match self.bounds {
            // The connections to standbys are shared, and a transaction with bounds has a connection for itself.
            Bounds::Tenant(_) => return None,
            Bounds::None => {}
        }
        let standbys = self.database.standbys.as_ref()?;
        let standby = standbys.current(start)?;
        // Boxed like the attempts of `retry_transient`.
        let page = Box::pin(timeout(standbys.page_limit(), work(&standby.connection)));
        standbys.finish(&standby, page.await)
    }

    async fn run<T, F>(&self, place: Place, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let connections = self.database.connections()?;
            let result = match (self.bounds, place) {
                (Bounds::Tenant(_), _) => {
                    let begin = format!("BEGIN{}", self.bounds.begin());
                    self.run_in_transaction(&connections.bound, &begin, &work).await
                }
                (Bounds::None, Place::Pool) => self.run_on_pool(&connections.pool, &work).await,
                (Bounds::None, Place::Lookups) => self.run_on_shared(&connections.lookups, &work).await,
                (Bounds::None, Place::Pages) => self.run_on_shared(&connections.pages, &work).await,
            };
            if_still_leased(&connections, result)
        };
        Ok(self.database.retry_transient(attempt).await?)
    }

    async fn run_on_pool<T, F>(&self, pool: &Pool, work: &F) -> Result<T, DbError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let connection = pool.get().await?;
        let result = self.database.with_time_limit(pin!(work(&connection))).await;
        return_to_pool_if_ok(connection, result)
    }

    async fn run_on_shared<T, F>(&self, shared: &SharedConnections, work: &F) -> Result<T, DbError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let connection = shared.get().await?;
        let result = self.database.with_time_limit(pin!(work(&connection))).await;
        if result.is_err() {
            shared.discard(&connection);
        }
        result
    }

    /// Runs read-only statements on events that may be on the workers of a Citus cluster.
    pub(super) async fn read_distributed<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let attempt = async || {
            let connections = self.database.connections()?;
            let begin = format!("{BEGIN_DISTRIBUTED}{}", self.bounds.begin());
            let result = self.run_in_transaction(&connections.distributed, &begin, &work).await;
            if_still_leased(&connections, result)
        };
        Ok(in_span("read_distributed", pin!(self.database.retry_transient(attempt))).await?)
    }

    /// Runs statements in a transaction, after the statements that begin it. If the caller goes away before its end, the
    /// connection is closed, because the next caller must not get it in the middle of a transaction.
    async fn run_in_transaction<T, F>(&self, pool: &Pool, begin: &str, work: &F) -> Result<T, DbError>
    where
        T: Send,
        for<'c> F: AsyncFn(&'c AsyncPgConnection) -> Result<T, Error>
            + Work<&'c AsyncPgConnection, Result<T, Error>, Running: Send>
            + Sync,
    {
        let connection = guard(pool.get().await?, close);
        let run = async {
            let value = begin_with(&connection, begin, work(&connection)).await?;
            execute(&connection, "COMMIT").await?;
            Ok::<_, DbError>(value)
        };
        let value = self.database.with_time_limit(pin!(run)).await?;
        return_to_pool(connection);
        Ok(value)
    }
}

/// The connections on which statements run that row-level security does not limit.
#[derive(Clone, Copy)]
enum Place {
    Pool,
    Lookups,
    Pages,
}

/// Sends the statements that begin a transaction together with the first statement of the work, which saves a round
/// trip. The server runs them in order.
pub(super) async fn begin_with<T, E>(
    connection: &AsyncPgConnection,
    begin: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, DbError>
where
    DbError: From<E>,
{
    let begin = execute(connection, begin).map_err(DbError::of_begin);
    // This polls BEGIN first, and a statement is sent when it is polled for the first time.
    let ((), value) = try_join(begin, work.map_err(DbError::from)).await?;
    Ok(value)
}

pub(super) async fn execute(mut connection: &AsyncPgConnection, statement: &str) -> QueryResult<()> {
    connection.batch_execute(statement).await
}

/// The transaction has ended, so the connection need not be closed.
pub(super) fn return_to_pool<F: FnOnce(PooledConnection)>(connection: ScopeGuard<PooledConnection, F>) {
    drop(ScopeGuard::into_inner(connection));
}

impl Database {
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
