//! The position of a server in its write-ahead log (WAL).

use diesel::data_types::PgLsn as Lsn;
use diesel::prelude::QueryableByName;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Integer, Oid, PgLsn, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Which log a position belongs to, and which tables are read. Positions of different origins cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The identifier of the cluster, which its standbys share.
    pub(super) system: i64,
    /// The number of promotions. A standby that does not follow a promotion keeps the old timeline, and may have changes that
    /// the new primary never had.
    pub(super) timeline: i32,
    /// The object IDs of the database and of a table, which standbys share.
    pub(super) database: u32,
    pub(super) table: u32,
    /// The last migration.
    pub(super) schema: String,
}

/// A position in the log of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) origin: Origin,
    pub(super) lsn: u64,
}

/// Asks a server for its position. Everything that was acknowledged is on the disk of the primary. A standby shows what it has
/// replayed. Its timeline is that of its last restartpoint or later: the function that would tell the current one needs a
/// privilege.
const POSITION: &str = "SELECT pg_is_in_recovery() AS is_standby, \
     CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END AS lsn, \
     CASE WHEN pg_is_in_recovery() \
         THEN (SELECT greatest(timeline_id, min_recovery_end_timeline) FROM pg_control_checkpoint(), pg_control_recovery()) \
         ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::integer END AS timeline, \
     (SELECT system_identifier FROM pg_control_system()) AS system, \
     (SELECT oid FROM pg_database WHERE datname = current_database()) AS database, \
     'tenants'::regclass::oid AS table_oid, \
     (SELECT max(version)::text FROM __diesel_schema_migrations) AS schema";

/// The position of a server, and whether it is a standby.
#[derive(QueryableByName)]
pub(super) struct PositionRow {
    #[diesel(sql_type = Bool)]
    pub(super) is_standby: bool,
    #[diesel(sql_type = PgLsn)]
    lsn: Lsn,
    #[diesel(sql_type = Integer)]
    timeline: i32,
    #[diesel(sql_type = BigInt)]
    system: i64,
    #[diesel(sql_type = Oid)]
    database: u32,
    #[diesel(sql_type = Oid)]
    table_oid: u32,
    #[diesel(sql_type = Text)]
    schema: String,
}

impl PositionRow {
    pub(super) async fn read(mut connection: &AsyncPgConnection) -> Result<Self, Error> {
        diesel::sql_query(POSITION).get_result(&mut connection).await
    }

    pub(super) fn into_position(self) -> Position {
        let Self {
            is_standby: _,
            lsn,
            timeline,
            system,
            database,
            table_oid,
            schema,
        } = self;
        Position {
            origin: Origin {
                system,
                timeline,
                database,
                table: table_oid,
                schema,
            },
            lsn: lsn.0,
        }
    }
}
