//! The Postgres server that the cases share. Each case has its own database.
//!
//! `TEST_DATABASE_URL` names a server; by default one is started from the installed binaries. If Postgres is not
//! installed, each case on Postgres fails with a message.

use super::StoreUnderTest;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tenant_registry_server::store::postgres::database_url::DatabaseUrl;
use tenant_registry_server::store::postgres::{PoolSettings, PostgresStore, Recycling, migrations};
use test_support::postgres::{Cluster, ClusterSettings, Database, Databases};
use tokio::runtime::{Builder, Runtime};

/// How long connecting may take on a busy machine.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server, started by the first case on Postgres.
static SERVER: Mutex<Option<Result<Server, String>>> = Mutex::new(None);

struct Server {
    databases: Databases,
    /// A migrated database without connections, which is copied for each case.
    template: Database,
    /// Drops databases after the runtimes of their cases have ended.
    runtime: Runtime,
    /// `None` if `TEST_DATABASE_URL` names a server.
    _cluster: Option<Cluster>,
}

/// A database, dropped with this value.
pub(crate) struct TestDatabase(Database);

impl TestDatabase {
    /// Creates a database with the schema and no records.
    pub(crate) async fn create() -> Self {
        let (runtime, databases, template) = with_server(|server| {
            (
                server.runtime.handle().clone(),
                server.databases.clone(),
                server.template.clone(),
            )
        });
        let created = runtime.spawn(async move { databases.create(Some(&template)).await });
        Self(created.await.unwrap().unwrap())
    }

    /// Creates a database without tables.
    pub(crate) async fn create_empty() -> Self {
        let (runtime, databases) = with_server(|server| (server.runtime.handle().clone(), server.databases.clone()));
        let created = runtime.spawn(async move { databases.create(None).await });
        Self(created.await.unwrap().unwrap())
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
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
        PostgresStore::new(&self.url().parse().unwrap(), &settings).unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server has stopped if the run is over.
        if let Some(Ok(server)) = &*server() {
            let (databases, database) = (server.databases.clone(), self.0.clone());
            server
                .runtime
                .spawn(async move { databases.remove(&database).await.unwrap() });
        }
    }
}

/// Drops all databases, and stops the server unless `TEST_DATABASE_URL` names it.
pub(crate) fn finish() {
    if let Some(Ok(server)) = server().take() {
        server.runtime.block_on(server.databases.remove_all()).unwrap();
    }
}

fn server() -> MutexGuard<'static, Option<Result<Server, String>>> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_server<T>(with: impl FnOnce(&Server) -> T) -> T {
    // On another thread: the case runs on a runtime already.
    match server().get_or_insert_with(|| std::thread::spawn(start).join().unwrap()) {
        Ok(server) => with(server),
        Err(reason) => panic!("no Postgres: {reason}"),
    }
}

fn start() -> Result<Server, String> {
    if !StoreUnderTest::Postgres.is_selected() {
        return Err("TEST_STORE leaves Postgres out; list this case as one that needs it".to_owned());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (cluster, url) = match std::env::var("TEST_DATABASE_URL") {
        Ok(url) if !url.is_empty() => (None, url),
        Ok(_) | Err(_) => {
            let cluster = Cluster::start(ClusterSettings::default()).map_err(|error| error.to_string())?;
            let url = cluster.url("postgres");
            (Some(cluster), url)
        }
    };
    let (databases, template) = runtime.block_on(async {
        let databases = Databases::new(&url).await.map_err(|error| error.to_string())?;
        let template = databases.create(None).await.map_err(|error| error.to_string())?;
        let template_url: DatabaseUrl = template.url.parse().map_err(|error| format!("{error}"))?;
        migrations::migrate(&template_url, CONNECT_TIMEOUT)
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>((databases, template))
    })?;
    Ok(Server {
        databases,
        template,
        runtime,
        _cluster: cluster,
    })
}
