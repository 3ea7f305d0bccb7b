//! The Postgres that the cases share: one server, and a database of its own for each case.
//!
//! `TEST_DATABASE_URL` names a server; without it one is started from the installed binaries. Where there is none, each
//! case on Postgres fails and says so.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tenant_registry_server::store::postgres::{DatabaseUrl, PoolSettings, PostgresStore, Recycling, migrations};
use test_postgres::{Cluster, ClusterSettings, Database, Databases};
use tokio::runtime::{Builder, Runtime};

/// How long connecting may take on a machine that does something else meanwhile.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server, from the first case on Postgres to the end of the run.
static SERVER: Mutex<Option<Result<Server, String>>> = Mutex::new(None);

struct Server {
    databases: Databases,
    /// Migrated; nobody is connected to it.
    template: Database,
    /// Outlives the runtimes of the cases, whose databases are dropped here.
    runtime: Runtime,
    /// Ends with the run; none where `TEST_DATABASE_URL` names a server.
    _cluster: Option<Cluster>,
}

/// A database with the schema and nothing else, dropped with this value.
pub(crate) struct TestDatabase(Database);

impl TestDatabase {
    /// Makes one.
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

    /// Makes one without any table.
    pub(crate) async fn create_empty() -> Self {
        let (runtime, databases) = with_server(|server| (server.runtime.handle().clone(), server.databases.clone()));
        let created = runtime.spawn(async move { databases.create(None).await });
        Self(created.await.unwrap().unwrap())
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// A store on it, with connections of its own.
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
        // The run may be over, and the server gone.
        if let Some(Ok(server)) = &*server() {
            let (databases, database) = (server.databases.clone(), self.0.clone());
            server
                .runtime
                .spawn(async move { databases.remove(&database).await.unwrap() });
        }
    }
}

/// Ends the server, and with it all databases; on a server of somebody else's, the databases alone.
pub(crate) fn finish() {
    if let Some(Ok(server)) = server().take() {
        server.runtime.block_on(server.databases.remove_all()).unwrap();
    }
}

fn server() -> MutexGuard<'static, Option<Result<Server, String>>> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_server<T>(with: impl FnOnce(&Server) -> T) -> T {
    // The first case waits for the start on a thread of its own: it is on a runtime already.
    match server().get_or_insert_with(|| std::thread::spawn(start).join().unwrap()) {
        Ok(server) => with(server),
        Err(reason) => panic!("no Postgres: {reason}"),
    }
}

fn start() -> Result<Server, String> {
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
        let databases = Databases::on(&url).await.map_err(|error| error.to_string())?;
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
