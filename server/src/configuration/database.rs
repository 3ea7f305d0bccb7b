//! The settings of the Postgres store.

use crate::store::postgres::{DatabaseUrl, DatabaseUrlError, PoolSettings, Recycling};
use clap::Args;
use std::fmt;
use std::time::Duration;

/// Where the records are, as it was given, with a password in it: `Debug` hides it, and it is read only after clap is
/// done, which would quote a bad one.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrlText(String);

impl From<&str> for DatabaseUrlText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for DatabaseUrlText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrlText(***)")
    }
}

/// Where the database is, and how it is used.
#[derive(Args, Clone, Debug)]
pub struct DatabaseConfiguration {
    /// Where the records are kept: postgres://USER:PASSWORD@HOST:PORT/DATABASE, Postgres 15 or later. Without one they are
    /// in memory, with one tenant `acme`, and gone when the process ends. Several hosts (`@one:5432,two:5432/`) with
    /// `?target_session_attrs=read-write` follow the primary through a failover. `sslmode` is libpq's, from `disable` to
    /// `verify-full`, with `sslrootcert` for the authorities: below `verify-ca` an impostor is not noticed. A URL that
    /// cannot be read, or a database that cannot be reached, stops the start.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrlText>,

    /// Most seconds that connecting to one host takes, from 1 to 60. Too low, and a slow network counts as a dead host; too
    /// high, and one dead host of several keeps everybody waiting.
    #[arg(
        long,
        env = "DATABASE_CONNECT_TIMEOUT",
        value_name = "DATABASE_CONNECT_TIMEOUT",
        default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=60)
    )]
    pub database_connect_timeout: u64,
}

impl DatabaseConfiguration {
    /// The URL; none where the records are to be in memory, which an empty one asks for as well.
    ///
    /// # Errors
    /// What is wrong with it, without a part of it.
    pub fn url(&self) -> Result<Option<DatabaseUrl>, DatabaseUrlError> {
        match &self.database_url {
            Some(DatabaseUrlText(text)) if !text.is_empty() => text.parse().map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The most time that connecting to one host takes.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.database_connect_timeout)
    }
}

/// How connections are kept. None of it matters in memory.
#[derive(Args, Clone, Debug)]
pub struct PoolConfiguration {
    /// Most connections to the database for what a request needs one of its own for (changes above all), from 1 to 1000. Too
    /// few, and requests wait for each other; more than the database has processors for, and they do so there. All
    /// replicas together must stay below its `max_connections`.
    #[arg(
        long,
        env = "DATABASE_POOL_SIZE",
        value_name = "DATABASE_POOL_SIZE",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub database_pool_size: u16,

    /// Connections, besides those, on which the look-ups of all requests run side by side (to verify a key, to get a
    /// tenant), and as many again for the pages of the audit log, from 1 to 64. Too few, and few processors of the database
    /// answer them all; too many, and less is sent at once on each.
    #[arg(
        long,
        env = "DATABASE_SHARED_CONNECTIONS",
        value_name = "DATABASE_SHARED_CONNECTIONS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub database_shared_connections: u16,

    /// Most seconds that a request waits for a connection before it is answered with 503, from 1 to 60. Too low, and a
    /// short burst is turned away; too high, and callers have given up before they are told.
    #[arg(
        long,
        env = "DATABASE_POOL_TIMEOUT",
        value_name = "DATABASE_POOL_TIMEOUT",
        default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=60)
    )]
    pub database_pool_timeout: u64,

    /// Most seconds that a statement, a wait for a lock or a whole transaction takes, from 1 to 300. Too low, and a busy
    /// database looks broken; too high, and one that hangs holds every connection that long.
    #[arg(
        long,
        env = "DATABASE_STATEMENT_TIMEOUT",
        value_name = "DATABASE_STATEMENT_TIMEOUT",
        default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(1..=300)
    )]
    pub database_statement_timeout: u64,

    /// What is tried before a connection is used again: `fast`, that it is not known to be closed (one that broke unnoticed
    /// costs a second attempt), or `verified`, that it answers a query (a round trip more for each request).
    #[arg(
        long,
        env = "DATABASE_RECYCLING",
        value_name = "DATABASE_RECYCLING",
        value_enum,
        default_value_t = Recycling::Fast
    )]
    pub database_recycling: Recycling,
}

impl PoolConfiguration {
    /// What the pool needs.
    pub fn settings(&self, connect_timeout: Duration) -> PoolSettings {
        PoolSettings {
            size: usize::from(self.database_pool_size),
            shared: usize::from(self.database_shared_connections),
            wait: Duration::from_secs(self.database_pool_timeout),
            connect_timeout,
            statement_timeout: Duration::from_secs(self.database_statement_timeout),
            recycling: self.database_recycling,
        }
    }
}
