//! The store on Postgres 15 and later.
//!
//! The modules `tenants`, `entitlements`, `api_keys`, `audit` and `idempotency` implement one store trait each. The other modules are
//! shared by them.
//!
//! The suffix of a helper says what it needs. `…_on_connection` runs on any connection. `…_in_transaction` has to run in
//! the closure of `Database::transaction`, because its locks have to last until the change is committed. Functions without
//! a suffix take a connection themselves.
//!
//! Unique and foreign key violations are detected by the name of the constraint, at the statement that can violate it.

mod api_keys;
mod audit;
mod audit_log;
mod batches;
mod connection;
mod entitlements;
mod error;
mod idempotency;
mod lookups;
pub mod migrations;
mod page;
pub mod preconditions;
mod projects;
mod rows;
mod schema;
mod scoped;
mod span;
mod statements;
mod tenants;
mod transaction;

pub use audit::{DistributeConnectError, PostgresDistributeStore, PostgresPruneStore, PruneConnectError};
pub use connection::{
    DatabaseUrl, DatabaseUrlError, EtcdAuthorities, EtcdCertificateError, EtcdIdentity, EtcdLogin, EtcdPrefix,
    EtcdPrefixError, EtcdSettings, EtcdUrl, EtcdUrlError, PoolSettings, Recycling, RowSecurity, SetupError,
    StandbySettings,
};

use crate::records::{ConnectionCounts, PageReadCounts, TenantScope};
use crate::store::{ApiKeyLookup, Store, StoreError, StoreHealth};
use audit::Appender;
use connection::{Database, Pool};
use deadpool::Status;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entitlements::EntitlementLookup;
use error::DbError;
use lookups::Lookups;
use scoped::ScopedDatabase;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_contract::types::TenantId;

/// Tenants, entitlements, API keys and the audit log in a Postgres database.
pub struct PostgresStore {
    database: Arc<Database>,
    batched: Arc<Batched>,
}

/// What requests without [`scoped::Bounds`] do together.
struct Batched {
    tenant_lookups: Lookups<TenantId>,
    api_key_lookups: Lookups<ApiKeyLookup>,
    entitlement_lookups: Lookups<EntitlementLookup>,
    appender: Appender,
}

/// The store for the callers with one tenant scope.
pub struct ScopedPostgresStore {
    database: ScopedDatabase,
    batched: Arc<Batched>,
}

impl Store for PostgresStore {
    type Scoped = ScopedPostgresStore;

    fn scoped(&self, tenant_scope: TenantScope) -> ScopedPostgresStore {
        ScopedPostgresStore {
            database: ScopedDatabase::new(&self.database, tenant_scope),
            batched: Arc::clone(&self.batched),
        }
    }
}

impl PostgresStore {
    /// A store on a database whose schema is that of this binary ([`migrations`]). Connections are made when they are
    /// needed. With `etcd`, they lead to the host that holds the lock of Patroni's primary. With `standbys`, pages of lists are
    /// read from them.
    ///
    /// # Errors
    /// When the settings cannot be used; that the database cannot be reached shows later.
    ///
    /// # Panics
    /// Outside a tokio runtime, which runs the tasks that look up keys, commit audit events and ask etcd and standbys.
    pub fn new(
        url: &DatabaseUrl,
        settings: &PoolSettings,
        etcd: Option<EtcdSettings>,
        standbys: Option<StandbySettings>,
    ) -> Result<Self, SetupError> {
        let database = Arc::new(Database::new(url, settings, etcd, standbys)?);
        let unbound = ScopedDatabase::new(&database, TenantScope::All);
        Ok(Self {
            batched: Arc::new(Batched {
                tenant_lookups: Lookups::new(&unbound, settings.shared),
                api_key_lookups: Lookups::new(&unbound, settings.shared),
                entitlement_lookups: Lookups::new(&unbound, settings.shared),
                appender: Appender::new(unbound),
            }),
            database,
        })
    }
}

diesel::define_sql_function! {
    /// Whether the server is a standby, which is read-only.
    fn pg_is_in_recovery() -> Bool;
}

fn connection_counts(name: &'static str, pool: &Pool) -> ConnectionCounts {
    let Status {
        max_size,
        size,
        available,
        waiting,
    } = pool.status();
    ConnectionCounts {
        pool: name,
        open: size,
        max: max_size,
        idle: available,
        waiting,
    }
}

impl StoreHealth for PostgresStore {
    fn connections(&self) -> Vec<ConnectionCounts> {
        let Some(connections) = self.database.current() else {
            return Vec::new();
        };
        let mut counts = vec![
            connection_counts("main", &connections.pool),
            connection_counts("distributed", &connections.distributed),
        ];
        if self.database.row_security {
            counts.push(connection_counts("row_security", &connections.bound));
        }
        counts
    }

    fn lease_left(&self) -> Option<Duration> {
        self.database.lease_left()
    }

    fn page_reads(&self) -> Option<PageReadCounts> {
        Some(self.database.standbys.as_ref()?.counts())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let (is_standby, missing) = ScopedDatabase::new(&self.database, TenantScope::All)
            .read(async |mut connection: &AsyncPgConnection| {
                let is_standby: bool = diesel::select(pg_is_in_recovery()).get_result(&mut connection).await?;
                let missing = migrations::missing_steps_on_connection(connection).await?;
                Ok((is_standby, missing))
            })
            .await?;
        if is_standby {
            // The server was the primary when these connections were opened. Connect again, to find the new one.
            if let Some(connections) = self.database.current() {
                connections.disconnect();
            }
            return Err(DbError::Unavailable("the database is a standby: read-only".to_owned()).into());
        }
        match missing {
            None => Ok(()),
            // For example because a backup was restored. A newer schema is fine: it works with older binaries.
            Some(steps) => {
                Err(DbError::Unavailable(format!("the schema lacks {steps}; run `tenant-registry migrate`")).into())
            }
        }
    }
}
