//! The schema's steps, embedded from `migrations/`: run at the start, one replica at a time, or only compared.

use super::database_url::DatabaseUrl;
use super::pool::{ConnectError, connect_alone};
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;
use tracing::{info, warn};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations");

/// Known to every version of this program: whoever holds it migrates. The digits mean nothing.
const ADVISORY_LOCK: i64 = 7_268_236_042_911_305_117;

/// How long a replica leaves alone the one that migrates before it asks again.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// A step that waits longer for a table makes the service's statements wait behind it.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '5s'";

/// Why the schema is not the one of this binary.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database does not answer.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// A step failed, and what it did was undone.
    #[error("the schema cannot be migrated: {0}; nothing of the failed step was kept")]
    Failed(String),
    /// Steps are missing, and were not to be run.
    #[error(
        "the schema is older than this binary: {0} not applied; run `tenant-registry migrate`, or serve without \
         `--no-migrate`"
    )]
    SchemaOlder(Steps),
    /// A later binary has been here.
    #[error("the schema is newer than this binary, which does not know {0}; serve with the version that applied it")]
    SchemaNewer(Steps),
}

/// Versions of steps, in their order.
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

/// How the database's steps compare with the binary's.
struct Comparison {
    missing: Steps,
    unknown: Steps,
}

/// Brings the schema up to this binary's, and says how many steps that took. Of replicas that start at once, one
/// migrates and the others wait for it. A schema that is newer is left as it is: the steps are made so that the binary
/// before them can serve on (`migrations/README.md`).
///
/// # Errors
/// When the database does not answer or refuses a step. Steps before that one stay.
pub async fn migrate(url: &DatabaseUrl, connect_timeout: Duration) -> Result<usize, MigrationError> {
    let mut connection = connect_alone(url, connect_timeout).await?;
    connection.batch_execute(LOCK_TIMEOUT).await?;
    lock(&mut connection).await?;
    let (mut connection, applied) = run_pending(connection).await?;
    for version in &applied {
        info!(version, "migrated the schema");
    }
    let Comparison { missing: _, unknown } = compare(&mut connection).await?;
    if !unknown.0.is_empty() {
        warn!(%unknown, "the schema is newer than this binary");
    }
    // The lock goes with its session.
    drop(connection);
    Ok(applied.len())
}

/// Compares the schema with this binary's and changes nothing.
///
/// # Errors
/// When it is older or newer, or the database does not answer.
pub async fn check(url: &DatabaseUrl, connect_timeout: Duration) -> Result<(), MigrationError> {
    let mut connection = connect_alone(url, connect_timeout).await?;
    let Comparison { missing, unknown } = compare(&mut connection).await?;
    if !unknown.0.is_empty() {
        return Err(MigrationError::SchemaNewer(unknown));
    }
    if !missing.0.is_empty() {
        return Err(MigrationError::SchemaOlder(missing));
    }
    Ok(())
}

/// The steps of this binary that the schema lacks, if any.
pub(super) async fn missing(connection: &mut AsyncPgConnection) -> QueryResult<Option<Steps>> {
    let Comparison { missing, unknown: _ } = compare(connection).await?;
    Ok((!missing.0.is_empty()).then_some(missing))
}

/// Asks for the lock until it is there. A session that waited for it inside the server would hold a snapshot meanwhile,
/// and `CREATE INDEX CONCURRENTLY` waits for those: each would wait for the other.
async fn lock(connection: &mut AsyncPgConnection) -> Result<(), MigrationError> {
    diesel::define_sql_function! {
        fn pg_try_advisory_lock(key: BigInt) -> Bool;
    }
    let mut is_waiting = false;
    loop {
        let locked: bool = diesel::select(pg_try_advisory_lock(ADVISORY_LOCK))
            .get_result(connection)
            .await?;
        if locked {
            return Ok(());
        }
        if !is_waiting {
            info!("another replica migrates the schema; waiting for it");
            is_waiting = true;
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// diesel's migrations are synchronous: they get a thread on which they may block.
async fn run_pending(connection: AsyncPgConnection) -> Result<(AsyncPgConnection, Vec<String>), MigrationError> {
    let blocking = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        let applied = harness.run_pending_migrations(MIGRATIONS)?;
        let versions = applied.iter().map(ToString::to_string).collect();
        Ok::<_, Box<dyn Error + Send + Sync>>((harness.into_inner(), versions))
    });
    match blocking.await {
        Ok(result) => result.map_err(|error| MigrationError::Failed(error.to_string())),
        Err(error) => Err(MigrationError::Failed(error.to_string())),
    }
}

diesel::table! {
    /// diesel's own: the steps that were applied.
    __diesel_schema_migrations (version) {
        /// The digits of its directory's name.
        version -> Text,
        /// When it was applied.
        run_on -> Timestamp,
    }
}

/// Reads alone, unlike diesel's own comparison: a role that may not create tables has to be able to serve.
async fn compare(connection: &mut AsyncPgConnection) -> QueryResult<Comparison> {
    diesel::define_sql_function! {
        fn to_regclass(name: Text) -> Nullable<Oid>;
    }
    let exists: bool = diesel::select(to_regclass("__diesel_schema_migrations").is_not_null())
        .get_result(connection)
        .await?;
    let applied: BTreeSet<String> = if exists {
        let versions = __diesel_schema_migrations::table.select(__diesel_schema_migrations::version);
        versions.load::<String>(connection).await?.into_iter().collect()
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
