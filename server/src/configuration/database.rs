//! The settings of the Postgres store.

use super::parsers::whole_number;
use super::secret::Secret;
use crate::store::postgres::{DatabaseUrl, DatabaseUrlError, PoolSettings, Recycling, RowSecurity};
use clap::Args;
use std::time::Duration;

/// The database.
#[derive(Args, Clone, Debug)]
pub struct DatabaseConfiguration {
    /// Database that stores the records: postgres://USER:PASSWORD@HOST:PORT/DATABASE, Postgres 15 or later. If not set, the
    /// records are in memory, with one tenant `acme`, and are lost when the process ends. That requires --in-memory, except
    /// for a first look: without OIDC_ISSUER and --no-migrate, on a loopback address. Several hosts
    /// (`@one:5432,two:5432/`) with `?target_session_attrs=read-write` find the one that accepts changes. After an automatic
    /// failover, that can be the old primary, so set DATABASE_ETCD_URLS, or use a proxy that asks Patroni (docs/install.md).
    /// `sslmode` works as in libpq, from `disable` to `verify-full`, with `sslrootcert` for the CA certificates. Modes below
    /// `verify-ca` do not detect an impostor. The start fails if the URL is invalid or the database cannot be reached.
    #[arg(long, env = "DATABASE_URL", value_name = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<Secret>,

    /// File with the value of DATABASE_URL, instead of that setting. A line break at the end is ignored.
    #[arg(
        long,
        env = "DATABASE_URL_FILE",
        value_name = "DATABASE_URL_FILE",
        value_parser = Secret::read_file,
        conflicts_with = "database_url"
    )]
    pub database_url_file: Option<Secret>,

    /// Maximum number of seconds to connect to one host, from 1 to 60. Too low: a host on a slow network is treated as down.
    /// Too high: when one of several hosts is down, every caller waits for it.
    #[arg(
        long,
        env = "DATABASE_CONNECT_TIMEOUT",
        value_name = "DATABASE_CONNECT_TIMEOUT",
        default_value_t = 2,
        value_parser = whole_number::<u64>("seconds", 1, 60, 2)
    )]
    pub database_connect_timeout: u64,
}

impl DatabaseConfiguration {
    /// Parses the URL. Returns none for the in-memory store: if there is no URL, or if it is empty.
    ///
    /// # Errors
    /// Returns what is wrong with the URL, without quoting it.
    pub fn url(&self) -> Result<Option<DatabaseUrl>, DatabaseUrlError> {
        self.given().map(str::parse).transpose()
    }

    /// Returns whether there is a database.
    pub fn is_set(&self) -> bool {
        self.given().is_some()
    }

    fn given(&self) -> Option<&str> {
        let given = self.database_url.as_ref().or(self.database_url_file.as_ref());
        given.map(Secret::expose).filter(|url| !url.is_empty())
    }

    /// The time limit for connecting to one host.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.database_connect_timeout)
    }
}

/// The connections to the database. The in-memory store has none.
#[derive(Args, Clone, Debug)]
pub struct PoolConfiguration {
    /// Maximum number of database connections for requests that need an exclusive one, above all changes, from 1 to 1000.
    /// Reads of distributed events have a pool of their own, of half the size. Too low: requests wait for each other. Higher
    /// than the number of the database's processors: they wait for each other there. The connections of all replicas together
    /// must stay below the database's `max_connections`.
    #[arg(
        long,
        env = "DATABASE_POOL_SIZE",
        value_name = "DATABASE_POOL_SIZE",
        default_value_t = 16,
        value_parser = whole_number::<u16>("connections", 1, 1000, 16)
    )]
    pub database_pool_size: u16,

    /// Number of additional database connections that requests share for lookups (verifying a key, getting a tenant), from 1
    /// to 64. Pages of the audit log have the same number of connections again. Too low: only a few of the database's
    /// processors do all the work. Too high: fewer statements are sent together on each connection.
    #[arg(
        long,
        env = "DATABASE_SHARED_CONNECTIONS",
        value_name = "DATABASE_SHARED_CONNECTIONS",
        default_value_t = 2,
        value_parser = whole_number::<u16>("connections", 1, 64, 2)
    )]
    pub database_shared_connections: u16,

    /// Maximum number of seconds that a request waits for a database connection before it gets a 503, from 1 to 60. Too low:
    /// short bursts are rejected. Too high: callers have given up before they get the response.
    #[arg(
        long,
        env = "DATABASE_POOL_TIMEOUT",
        value_name = "DATABASE_POOL_TIMEOUT",
        default_value_t = 2,
        value_parser = whole_number::<u64>("seconds", 1, 60, 2)
    )]
    pub database_pool_timeout: u64,

    /// Maximum number of seconds for a statement, for a wait for a lock, and for a whole transaction, from 1 to 300. Too low:
    /// requests fail when the database is busy. Too high: a database that hangs blocks every connection for that long.
    #[arg(
        long,
        env = "DATABASE_STATEMENT_TIMEOUT",
        value_name = "DATABASE_STATEMENT_TIMEOUT",
        default_value_t = 5,
        value_parser = whole_number::<u64>("seconds", 1, 300, 5)
    )]
    pub database_statement_timeout: u64,

    /// Check before a connection is reused: `fast` checks only that it is not known to be closed, so an undetected broken
    /// connection costs a second attempt. `verified` sends a query, which costs each request another round trip.
    #[arg(
        long,
        env = "DATABASE_RECYCLING",
        value_name = "DATABASE_RECYCLING",
        value_enum,
        default_value_t = Recycling::Fast
    )]
    pub database_recycling: Recycling,

    /// Whether the database, too, limits callers with a token for one tenant to that tenant. `on`: their statements run
    /// under row-level security, so that a statement without its condition returns nothing of other tenants. That needs
    /// the role `tenant_registry_bound` (docs/install.md), and up to DATABASE_POOL_SIZE more connections. The start fails
    /// if the policies are not in force. `off`: only the service limits them.
    #[arg(
        long,
        env = "DATABASE_ROW_SECURITY",
        value_name = "DATABASE_ROW_SECURITY",
        value_enum,
        default_value_t = RowSecurity::Off
    )]
    pub database_row_security: RowSecurity,
}

impl PoolConfiguration {
    /// The settings of the pool.
    pub fn settings(&self, connect_timeout: Duration) -> PoolSettings {
        PoolSettings {
            size: usize::from(self.database_pool_size),
            shared: usize::from(self.database_shared_connections),
            wait: Duration::from_secs(self.database_pool_timeout),
            connect_timeout,
            statement_timeout: Duration::from_secs(self.database_statement_timeout),
            recycling: self.database_recycling,
            row_security: self.database_row_security,
        }
    }
}
