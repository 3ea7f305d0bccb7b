//! The Postgres server that all cases of a test binary share. Each case has its own database.
//!
//! `TEST_DATABASE_URL` names a server, or the coordinator of a Citus cluster by a database that has its nodes. By default a
//! server is started from the installed binaries. If Postgres is not installed, each case on Postgres fails with a message.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a case that has no database fails")]

use super::{Cluster, ClusterSettings, Database, Databases, Error};
use crate::StoreUnderTest;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

/// The server, started by the first case that needs it.
static SERVER: Mutex<Option<Result<Server, String>>> = Mutex::new(None);

struct Server {
    databases: Databases,
    /// A database without connections, which is copied for each case.
    template: Arc<OnceCell<Database>>,
    /// Drops databases after the runtimes of their cases have ended.
    runtime: Runtime,
    /// `None` if `TEST_DATABASE_URL` names a server.
    _cluster: Option<Cluster>,
}

/// A database of a case, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase(Database);

impl TestDatabase {
    /// Creates a database without tables.
    pub async fn create_empty() -> Self {
        Self(on_server(|databases| async move { databases.create_empty().await }).await)
    }

    /// Creates a copy of the template. `prepare` gets the template's URL, once in a run. On a Citus cluster, the template
    /// has the extension and the nodes.
    pub async fn create<F: Future<Output = ()>>(prepare: impl FnOnce(String) -> F) -> Self {
        let template = with_server(|server| Arc::clone(&server.template));
        let prepared = template.get_or_init(async || {
            let template = on_server(|databases| async move { databases.create_template().await }).await;
            prepare(template.url.clone()).await;
            on_server(|databases| async move {
                databases.close_template(&template).await?;
                Ok(template)
            })
            .await
        });
        let template = prepared.await.clone();
        Self(on_server(|databases| async move { databases.copy(&template).await }).await)
    }

    /// The URL of the database.
    pub fn url(&self) -> &str {
        &self.0.url
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
pub fn finish() {
    if let Some(Ok(server)) = server().take() {
        server.runtime.block_on(server.databases.remove_all()).unwrap();
    }
}

/// Creates a database, on the runtime of the server.
async fn on_server<F>(create: impl FnOnce(Databases) -> F) -> Database
where
    F: Future<Output = Result<Database, Error>> + Send + 'static,
{
    let (runtime, databases) = with_server(|server| (server.runtime.handle().clone(), server.databases.clone()));
    runtime.spawn(create(databases)).await.unwrap().unwrap()
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
        return Err("TEST_STORE leaves it out; list this case as one that needs Postgres".to_owned());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let (cluster, url) = match std::env::var("TEST_DATABASE_URL") {
        Ok(url) if !url.is_empty() => (None, url),
        Ok(_) | Err(_) => {
            let cluster = Cluster::start(ClusterSettings::default()).map_err(|error| error.to_string())?;
            let url = cluster.url("postgres");
            (Some(cluster), url)
        }
    };
    let databases = runtime
        .block_on(Databases::new(&url))
        .map_err(|error| error.to_string())?;
    Ok(Server {
        databases,
        template: Arc::default(),
        runtime,
        _cluster: cluster,
    })
}
