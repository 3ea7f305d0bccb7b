//! A database with the service's schema for each case.

use std::time::Duration;
use tenant_registry_server::store::postgres::{PoolSettings, PostgresStore, Recycling, migrations};

pub(crate) use test_support::postgres::shared::finish;

/// How long connecting may take on a busy machine.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A database, dropped with this value.
pub(crate) struct TestDatabase(test_support::postgres::TestDatabase);

impl TestDatabase {
    /// Creates a database with the schema and no records.
    pub(crate) async fn create() -> Self {
        let migrate = async |url: String| {
            migrations::migrate(&url.parse().unwrap(), CONNECT_TIMEOUT)
                .await
                .unwrap();
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
        };
        PostgresStore::new(&self.url().parse().unwrap(), &settings, None, None).unwrap()
    }
}
