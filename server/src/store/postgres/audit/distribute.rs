//! Distribution of old audit events over the workers of a Citus cluster, for operators.
//!
//! A batch is copied to `audit_log_distributed`, and then deleted from `audit_log` in a transaction of its own. In between, an
//! event is in both tables, and readers expect that. A trigger of the database checks that deleted events were copied. If the
//! command is interrupted, the next run repeats the batch: events that were copied are not copied again.
//!
//! The session holds a lock until it ends, so that no other session moves, prunes or changes distributed events meanwhile.

use crate::store::postgres::connection::{ConnectError, DatabaseUrl, connect_unpooled};
use crate::store::postgres::error::DbError;
use crate::store::postgres::migrations::{self, MigrationError};
use crate::store::postgres::preconditions::{self, PreconditionError};
use crate::store::{AuditDistributeStore, DistributionPlan, MovedBatch, StoreError, WorkerShards};
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use tenant_registry_contract::types::Timestamp;
use thiserror::Error;

/// Maximum number of events in a batch. Few enough that a batch takes less than a second.
const BATCH_EVENTS: i64 = 10_000;

/// Plans know the values, because statements on several shards need it. The order of a batch is that of an index. The
/// trigger of `audit_log` lets this session delete what is distributed.
const SESSION: &str = "SET plan_cache_mode = force_custom_plan; SET enable_sort = off; SET lock_timeout = '5s'; \
     SET registry.audit_log_distributing = 'on'";

/// Waits for the service and for `audit prune`, which hold the lock for a moment at a time.
const LOCK: &str = "SELECT pg_advisory_lock('audit_log_distributed'::regclass::bigint)";

/// How the message of a lock timeout begins: with its SQLSTATE.
const LOCK_NOT_AVAILABLE: &str = "55P03: ";

/// Why distribution cannot begin. Nothing was changed.
#[derive(Debug, Error)]
pub enum DistributeConnectError {
    /// The database does not respond.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database does not meet what every command relies on.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The schema is not that of this binary.
    #[error(transparent)]
    Schema(MigrationError),
    /// The user lacks privileges.
    #[error("the applied migrations cannot be read: {0}; connect as the owner of the audit log, or as a superuser")]
    Privileges(String),
    /// Another session holds the lock.
    #[error("another `tenant-registry distribute` is running in this database; wait until it has ended")]
    Busy,
}

impl From<ConnectError> for DistributeConnectError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<MigrationError> for DistributeConnectError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Unreachable(text) => Self::Unreachable(text),
            MigrationError::Precondition(error) => Self::Precondition(error),
            MigrationError::SchemaOlder(_) | MigrationError::SchemaNewer(_) => Self::Schema(error),
            MigrationError::Failed(text) => Self::Privileges(text),
        }
    }
}

impl From<diesel::result::Error> for DistributeConnectError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// A connection that holds the lock for distribution.
pub struct PostgresDistributeStore {
    pub(super) connection: AsyncPgConnection,
    /// The names of all columns of `audit_log`, separated by commas. They are read from the database, so the list is complete.
    columns: String,
}

impl PostgresDistributeStore {
    /// Connects and takes the lock.
    ///
    /// # Errors
    /// If the database does not respond, its schema is not that of this binary, or another session holds the lock.
    pub async fn connect(url: &DatabaseUrl, connect_timeout: Duration) -> Result<Self, DistributeConnectError> {
        let mut connection = connect_unpooled(url, connect_timeout).await?;
        preconditions::check_on_connection(&mut connection).await?;
        migrations::check_on_connection(&connection)
            .await
            .map_err(DistributeConnectError::from)?;
        connection.batch_execute(SESSION).await?;
        connection.batch_execute(LOCK).await.map_err(|error| {
            if error.to_string().starts_with(LOCK_NOT_AVAILABLE) {
                DistributeConnectError::Busy
            } else {
                error.into()
            }
        })?;
        let columns = sql::<Text>(
            "(SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped)",
        );
        let columns = diesel::select(columns).get_result(&mut connection).await?;
        Ok(Self { connection, columns })
    }

    /// Whether the table has shards. Needs Citus.
    pub(super) async fn is_distributed(&mut self) -> QueryResult<bool> {
        let is_distributed = sql::<Bool>(
            "EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'audit_log_distributed'::regclass)",
        );
        diesel::select(is_distributed).get_result(&mut self.connection).await
    }

    async fn plan_on_connection(&mut self, before: DateTime<Utc>, shards: u16) -> QueryResult<DistributionPlan> {
        let OldEvents {
            events,
            oldest,
            newest,
            bytes,
        } = diesel::sql_query(OLD_EVENTS)
            .bind::<Timestamptz, _>(before)
            .get_result(&mut self.connection)
            .await?;
        let workers: Vec<Placements> = diesel::sql_query(PLACEMENTS).load(&mut self.connection).await?;
        let is_distributed = self.is_distributed().await?;
        let (every, remainder) = match u16::try_from(workers.len()) {
            Ok(count) if count > 0 => (shards / count, usize::from(shards % count)),
            // Citus has fewer workers than that, and the check has rejected none.
            Ok(_) | Err(_) => (0, 0),
        };
        let workers = workers.into_iter().enumerate().map(|(index, worker)| WorkerShards {
            worker: worker.worker,
            shards: if is_distributed {
                worker.shards.try_into().unwrap_or(u64::MAX)
            } else {
                // Citus deals the shards in the order of the names.
                u64::from(every) + u64::from(index < remainder)
            },
        });
        Ok(DistributionPlan {
            events: events.try_into().unwrap_or(u64::MAX),
            oldest: oldest.and_then(|time| Timestamp::try_from(time).ok()),
            newest: newest.and_then(|time| Timestamp::try_from(time).ok()),
            log_bytes: bytes.try_into().unwrap_or(u64::MAX),
            is_distributed,
            workers: workers.collect(),
        })
    }

    async fn distribute_table_on_connection(&mut self, shards: u16) -> QueryResult<bool> {
        if self.is_distributed().await? {
            return Ok(false);
        }
        // The trigger that rejects changes runs on the workers as well. It reads no other table, so it is safe.
        self.connection
            .batch_execute("SET citus.enable_unsafe_triggers = on")
            .await?;
        diesel::sql_query(
            "SELECT create_distributed_table('audit_log_distributed', 'week', shard_count => $1, colocate_with => 'none')",
        )
        .bind::<Integer, _>(i32::from(shards))
        .execute(&mut self.connection)
        .await?;
        Ok(true)
    }

    async fn move_batch_on_connection(
        &mut self,
        before: DateTime<Utc>,
        after: Option<DateTime<Utc>>,
    ) -> QueryResult<Option<MovedBatch>> {
        let batch: Option<Batch> = diesel::sql_query(NEXT_BATCH)
            .bind::<Nullable<Timestamptz>, _>(after)
            .bind::<Timestamptz, _>(before)
            .bind::<BigInt, _>(BATCH_EVENTS)
            .get_result(&mut self.connection)
            .await
            .optional()?;
        let Some(Batch { week, ids, last }) = batch else {
            return Ok(None);
        };
        diesel::sql_query(ADD_WEEK)
            .bind::<Integer, _>(week)
            .bind::<Array<BigInt>, _>(&ids)
            .execute(&mut self.connection)
            .await?;
        let columns = &self.columns;
        diesel::sql_query(format!(
            "INSERT INTO audit_log_distributed ({columns}, week) SELECT {columns}, $1 FROM audit_log WHERE id = ANY ($2) \
             ON CONFLICT DO NOTHING"
        ))
        .bind::<Integer, _>(week)
        .bind::<Array<BigInt>, _>(&ids)
        .execute(&mut self.connection)
        .await?;
        let moved = diesel::sql_query("DELETE FROM audit_log WHERE id = ANY ($1)")
            .bind::<Array<BigInt>, _>(&ids)
            .execute(&mut self.connection)
            .await?;
        Ok(Some(MovedBatch {
            // Later events of the same time are in the next batch.
            last: Timestamp::try_from(last).unwrap_or(Timestamp::MIN),
            moved: moved.try_into().unwrap_or(u64::MAX),
        }))
    }
}

impl AuditDistributeStore for PostgresDistributeStore {
    async fn audit_distribution_problems(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.problems().await.map_err(DbError::from)?)
    }

    async fn audit_time_before(&mut self, age: Duration) -> Result<Timestamp, StoreError> {
        let time = diesel::select(
            sql::<Timestamptz>("now() - make_interval(secs => ")
                .bind::<Double, _>(age.as_secs_f64())
                .sql(")"),
        );
        let time: DateTime<Utc> = time.get_result(&mut self.connection).await.map_err(DbError::from)?;
        // No event is older than that.
        Ok(Timestamp::try_from(time).unwrap_or(Timestamp::MIN))
    }

    async fn audit_plan_distribution(
        &mut self,
        before: Timestamp,
        shards: u16,
    ) -> Result<DistributionPlan, StoreError> {
        Ok(self
            .plan_on_connection(before.into(), shards)
            .await
            .map_err(DbError::from)?)
    }

    async fn audit_distribute_table(&mut self, shards: u16) -> Result<bool, StoreError> {
        Ok(self
            .distribute_table_on_connection(shards)
            .await
            .map_err(DbError::from)?)
    }

    async fn audit_move_batch(
        &mut self,
        before: Timestamp,
        after: Option<Timestamp>,
    ) -> Result<Option<MovedBatch>, StoreError> {
        Ok(self
            .move_batch_on_connection(before.into(), after.map(DateTime::from))
            .await
            .map_err(DbError::from)?)
    }
}

/// The oldest events after a time, all of one week, in the order of `audit_log_created_at_filters_idx`. The time spares a scan
/// of the index entries of events that were moved before.
const NEXT_BATCH: &str = "WITH oldest AS MATERIALIZED ( \
         SELECT floor(extract(epoch FROM created_at) / 604800)::integer AS week FROM audit_log \
         WHERE created_at >= COALESCE($1, '-infinity') AND created_at < $2 ORDER BY created_at, (id + 0) LIMIT 1 \
     ) \
     SELECT oldest.week, array_agg(batch.id) AS ids, max(batch.created_at) AS last FROM oldest CROSS JOIN LATERAL ( \
         SELECT id, created_at FROM audit_log \
         WHERE created_at >= COALESCE($1, '-infinity') \
             AND created_at < LEAST($2, to_timestamp(604800.0 * (oldest.week + 1))) \
         ORDER BY created_at, (id + 0) LIMIT $3 \
     ) AS batch GROUP BY oldest.week";

#[derive(QueryableByName)]
struct Batch {
    #[diesel(sql_type = Integer)]
    week: i32,
    #[diesel(sql_type = Array<BigInt>)]
    ids: Vec<i64>,
    #[diesel(sql_type = Timestamptz)]
    last: DateTime<Utc>,
}

/// Before the events are copied, so that readers look for them.
const ADD_WEEK: &str = "INSERT INTO audit_log_distributed_weeks AS known (week, first_id, last_id) \
     SELECT $1, min(id), max(id) FROM unnest($2) AS id \
     ON CONFLICT (week) DO UPDATE SET first_id = LEAST(known.first_id, excluded.first_id), \
         last_id = GREATEST(known.last_id, excluded.last_id)";

const OLD_EVENTS: &str = "SELECT count(*) AS events, min(created_at) AS oldest, max(created_at) AS newest, \
         pg_total_relation_size('audit_log') AS bytes \
     FROM audit_log WHERE created_at < $1";

#[derive(QueryableByName)]
struct OldEvents {
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    newest: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

const PLACEMENTS: &str = "SELECT nodename || ':' || nodeport AS worker, ( \
         SELECT count(*) FROM pg_dist_placement AS placement JOIN pg_dist_shard USING (shardid) \
         WHERE logicalrelid = 'audit_log_distributed'::regclass AND placement.groupid = node.groupid \
     ) AS shards \
     FROM pg_dist_node AS node WHERE noderole = 'primary' AND shouldhaveshards ORDER BY nodename, nodeport";

#[derive(QueryableByName)]
struct Placements {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = BigInt)]
    shards: i64,
}
