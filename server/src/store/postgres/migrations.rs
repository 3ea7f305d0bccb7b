//! The migrations, embedded from `migrations/`. Replicas run them one at a time, or only compare the schema.

use super::connection::{ConnectError, DatabaseUrl, connect_unpooled};
use super::preconditions::{self, PreconditionError};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;
use tracing::{info, warn};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations");

/// Held while migrating. Every version of the program uses this arbitrary number.
const ADVISORY_LOCK: i64 = 7_268_236_042_911_305_117;

/// Pause between two attempts to take the lock.
const LOCK_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// While a step waits for a table, the statements of the service wait behind it.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '5s'";

/// `CREATE INDEX CONCURRENTLY` waits for transactions that began before it, and blocks none.
const INDEX_LOCK_TIMEOUT: &str = "SET lock_timeout = '10min'";

/// The statements that complete or remove each index that an interrupted statement has left invalid. Postgres maintains such
/// an index but does not use it, and `CREATE INDEX IF NOT EXISTS` keeps it. Those with a suffix are left by REINDEX.
const INVALID_INDEXES: &str = r"ARRAY(
    SELECT format(
        CASE WHEN relname ~ '_cc(new|old)\d*$' THEN 'DROP INDEX CONCURRENTLY %I' ELSE 'REINDEX INDEX CONCURRENTLY %I' END, relname
    )
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
)";

/// The SQLSTATE of a transaction that Postgres ended because of a deadlock.
const DEADLOCK: &str = "40P01";

/// How often a step runs again after a deadlock.
const DEADLOCKS_MAX: usize = 20;

/// Pause after a deadlock, in which the service works.
const DEADLOCK_PAUSE: Duration = Duration::from_millis(500);

/// Why the schema does not match this binary.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database does not respond.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database does not meet what the service relies on.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// A step failed and was rolled back.
    #[error("the schema cannot be migrated: {0}; the failed step was rolled back")]
    Failed(String),
    /// Steps are missing that were not run.
    #[error(
        "the schema is older than this binary: {0} not applied; run `tenant-registry migrate`, or serve without \
         `--no-migrate`"
    )]
    SchemaOlder(Steps),
    /// A newer binary has migrated the schema.
    #[error("the schema is newer than this binary, which does not know {0}; serve with the version that applied it")]
    SchemaNewer(Steps),
}

/// Versions of steps, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps(BTreeSet<String>);

impl std::fmt::Display for Steps {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let versions: Vec<_> = self.0.iter().map(String::as_str).collect();
        formatter.write_str(&versions.join(", "))
    }
}

impl From<ConnectError> for MigrationError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The difference between the applied steps and those of this binary.
struct Comparison {
    missing: Steps,
    unknown: Steps,
}

/// Applies the missing steps and returns how many there were. If several replicas start at the same time, one migrates and
/// the others wait. A newer schema is left as it is, since every step works with the previous binary (see
/// `migrations/README.md`).
///
/// # Errors
/// If the database does not respond, does not meet what the service relies on, or a step fails. The steps before it remain
/// applied.
pub async fn migrate(url: &DatabaseUrl, connect_timeout: Duration) -> Result<usize, MigrationError> {
    let mut connection = connect_unpooled(url, connect_timeout).await?;
    preconditions::check_on_connection(&mut connection).await?;
    take_lock_on_connection(&connection).await?;
    let (connection, applied) = run_pending(connection).await?;
    for version in &applied {
        info!(version, "migrated the schema");
    }
    let Comparison { missing: _, unknown } = compare_on_connection(&connection).await?;
    if !unknown.0.is_empty() {
        warn!(%unknown, "the schema is newer than this binary");
    }
    // Closing the session releases the lock.
    drop(connection);
    Ok(applied.len())
}

/// Checks that the schema matches this binary.
///
/// # Errors
/// If the schema is older or newer, or the database does not respond or does not meet what the service relies on.
pub async fn check(url: &DatabaseUrl, connect_timeout: Duration) -> Result<(), MigrationError> {
    let mut connection = connect_unpooled(url, connect_timeout).await?;
    preconditions::check_on_connection(&mut connection).await?;
    check_on_connection(&connection).await
}

/// Checks that the schema matches this binary.
pub(super) async fn check_on_connection(connection: &AsyncPgConnection) -> Result<(), MigrationError> {
    let Comparison { missing, unknown } = compare_on_connection(connection).await?;
    if !unknown.0.is_empty() {
        return Err(MigrationError::SchemaNewer(unknown));
    }
    if !missing.0.is_empty() {
        return Err(MigrationError::SchemaOlder(missing));
    }
    Ok(())
}

/// Returns the steps that the schema lacks, if any.
pub(super) async fn missing_steps_on_connection(connection: &AsyncPgConnection) -> QueryResult<Option<Steps>> {
    let Comparison { missing, unknown: _ } = compare_on_connection(connection).await?;
    Ok((!missing.0.is_empty()).then_some(missing))
}

/// Polls for the lock. A session that waits for it in the server would hold a snapshot, and `CREATE INDEX CONCURRENTLY`
/// waits for snapshots: each would wait for the other.
async fn take_lock_on_connection(mut connection: &AsyncPgConnection) -> Result<(), MigrationError> {
    diesel::define_sql_function! {
        fn pg_try_advisory_lock(key: BigInt) -> Bool;
    }
    let mut is_waiting = false;
    loop {
        let locked: bool = diesel::select(pg_try_advisory_lock(ADVISORY_LOCK))
            .get_result(&mut connection)
            .await?;
        if locked {
            return Ok(());
        }
        if !is_waiting {
            info!("another replica is migrating the schema; waiting for it");
            is_waiting = true;
        }
        sleep(LOCK_RETRY_PAUSE).await;
    }
}

type BlockingConnection = AsyncConnectionWrapper<AsyncPgConnection>;

/// Runs on a blocking thread, since diesel's migrations are synchronous.
async fn run_pending(connection: AsyncPgConnection) -> Result<(AsyncPgConnection, Vec<String>), MigrationError> {
    let blocking = tokio::task::spawn_blocking(move || {
        let mut connection = BlockingConnection::from(connection);
        let pending = connection.pending_migrations(MIGRATIONS)?;
        let steps = pending.iter().map(|migration| run_step(&mut connection, migration));
        let versions = steps.collect::<Result<Vec<_>, _>>()?;
        if !versions.is_empty() {
            complete_indexes(&mut connection)?;
        }
        Ok::<_, Box<dyn Error + Send + Sync>>((connection.into_inner(), versions))
    });
    match blocking.await {
        Ok(result) => result.map_err(|error| MigrationError::Failed(error.to_string())),
        Err(error) => Err(MigrationError::Failed(error.to_string())),
    }
}

/// Runs a step and returns its version. A step that locks several tables can wait for a transaction of the service that waits
/// for the step. If Postgres ends the step, it was rolled back and runs again.
fn run_step(connection: &mut BlockingConnection, migration: &dyn Migration<Pg>) -> diesel::migration::Result<String> {
    let in_transaction = migration.metadata().run_in_transaction();
    connection.batch_execute(if in_transaction {
        LOCK_TIMEOUT
    } else {
        INDEX_LOCK_TIMEOUT
    })?;
    let mut deadlocks = 0;
    loop {
        match connection.run_migration(migration) {
            Ok(version) => return Ok(version.to_string()),
            Err(error) if is_deadlock(&error.to_string()) && in_transaction => {
                deadlocks += 1;
                if deadlocks > DEADLOCKS_MAX {
                    return Err(error);
                }
                warn!(step = %migration.name(), "the step was in a deadlock with a transaction of the service; it runs again");
                std::thread::sleep(DEADLOCK_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Builds indexes again that were interrupted, by a step before or in an earlier run.
fn complete_indexes(connection: &mut BlockingConnection) -> QueryResult<()> {
    let statements: Vec<String> =
        diesel::RunQueryDsl::get_result(diesel::select(sql::<Array<Text>>(INVALID_INDEXES)), connection)?;
    connection.batch_execute(INDEX_LOCK_TIMEOUT)?;
    for statement in statements {
        info!(statement, "an index was built incompletely; completing it");
        connection.batch_execute(&statement)?;
    }
    Ok(())
}

/// Whether a step failed because of a deadlock. Only the text tells, because the type of diesel's error is private.
fn is_deadlock(error: &str) -> bool {
    error.contains(&format!(" with: {DEADLOCK}: "))
}

diesel::table! {
    /// diesel's table of the applied steps.
    __diesel_schema_migrations (version) {
        /// The digits in the name of the step's directory.
        version -> Text,
        /// When the step was applied.
        run_on -> Timestamp,
    }
}

/// Compares without writing. diesel's own comparison creates a table, which the role of the service may not do.
async fn compare_on_connection(mut connection: &AsyncPgConnection) -> QueryResult<Comparison> {
    diesel::define_sql_function! {
        fn to_regclass(name: Text) -> Nullable<Oid>;
    }
    let exists: bool = diesel::select(to_regclass("__diesel_schema_migrations").is_not_null())
        .get_result(&mut connection)
        .await?;
    let applied: BTreeSet<String> = if exists {
        let versions = __diesel_schema_migrations::table.select(__diesel_schema_migrations::version);
        versions.load::<String>(&mut connection).await?.into_iter().collect()
    } else {
        BTreeSet::new()
    };
    let embedded: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS
        .migrations()
        .map_err(diesel::result::Error::QueryBuilderError)?;
    let known: BTreeSet<String> = embedded
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    Ok(Comparison {
        missing: Steps(known.difference(&applied).cloned().collect()),
        unknown: Steps(applied.difference(&known).cloned().collect()),
    })
}
