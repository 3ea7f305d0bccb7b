//! A database with the service's schema for each case.

use super::audit_log_shape;
use std::time::Duration;
use tenant_registry_server::store::postgres::{PoolSettings, PostgresStore, Recycling, RowSecurity, migrations};
use tokio_postgres::NoTls;

pub(crate) use test_support::postgres::shared::finish;

/// How long connecting may take on a busy machine.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Adds to a migrated database what depends on the server and on the run.
async fn complete(url: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    audit_log_shape::create_bound_role(&client).await;
    client.batch_execute("SELECT row_security_enable()").await.unwrap();
    audit_log_shape::shape(&client).await;
}

/// `CREATE ROLE`, unless another test has created it.
pub(crate) const CREATE_BOUND_ROLE: &str = "DO $$ BEGIN CREATE ROLE tenant_registry_bound; \
     EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";

/// A database, dropped with this value.
pub(crate) struct TestDatabase(test_support::postgres::TestDatabase);

impl TestDatabase {
    /// Creates a database with the schema, row-level security and no records.
    pub(crate) async fn create() -> Self {
        let migrate = async |url: String| {
            migrations::migrate(&url.parse().unwrap(), CONNECT_TIMEOUT)
                .await
                .unwrap();
            complete(&url).await;
        };
        Self(test_support::postgres::TestDatabase::create(migrate).await)
    }

    /// Creates a database without tables.
    pub(crate) async fn create_empty() -> Self {
        Self(test_support::postgres::TestDatabase::create_empty().await)
    }

    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// A new store with its own connections.
    pub(crate) fn store(&self) -> PostgresStore {
        let settings = PoolSettings {
            size: 4,
            shared: 2,
            wait: CONNECT_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            statement_timeout: CONNECT_TIMEOUT,
            recycling: Recycling::Fast,
            row_security: RowSecurity::On,
        };
        PostgresStore::new(&self.url().parse().unwrap(), &settings, None, None).unwrap()
    }
}
