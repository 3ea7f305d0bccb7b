//! A service in this process on either store, and the program beside it.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use tenant_registry_client::{Client, RetryPolicy};
use tenant_registry_contract::http::{AllowedOrigins, Limits};
use tenant_registry_contract::types::RetryAfterSeconds;
use tenant_registry_server::api::ApiSettings;
use tenant_registry_server::api_key_hash::{ApiKeyHasher, HashLimits, PrefixBudget};
use tenant_registry_server::auth::Access;
use tenant_registry_server::catalog_file;
use tenant_registry_server::domain::Registry;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::domain::origin::TrustedProxies;
use tenant_registry_server::limits::request_rate::RateLimit;
use tenant_registry_server::serve::{self, RunningService, ServeSettings};
use tenant_registry_server::store::Store;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::store::postgres::{PoolSettings, PostgresStore, Recycling, migrations};
use test_postgres::{Cluster, ClusterSettings, Databases};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Long enough for a machine that does something else meanwhile.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The Postgres of the run, from the first case that needs it.
static SERVER: Mutex<Option<Server>> = Mutex::new(None);

struct Server {
    databases: Databases,
    /// Outlives the runtimes of the cases.
    runtime: Runtime,
    /// Ends with the run; none where `TEST_DATABASE_URL` names a server.
    _cluster: Option<Cluster>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreUnderTest {
    Memory,
    Postgres,
}

/// A case on both stores.
pub(crate) fn on_stores<F: Future<Output = ()> + 'static>(name: &str, run: fn(Service) -> F) -> Vec<Trial> {
    [StoreUnderTest::Memory, StoreUnderTest::Postgres]
        .map(|store| on_store(store, name, run))
        .into()
}

/// A case on memory alone, where the store makes no difference.
pub(crate) fn on_memory<F: Future<Output = ()> + 'static>(name: &str, run: fn(Service) -> F) -> Vec<Trial> {
    vec![on_store(StoreUnderTest::Memory, name, run)]
}

fn on_store<F: Future<Output = ()> + 'static>(store: StoreUnderTest, name: &str, run: fn(Service) -> F) -> Trial {
    Trial::test(format!("{store:?}::{name}").to_lowercase(), move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { timeout(DEADLINE, run(Service::start(store).await)).await })?;
        runtime.shutdown_background();
        Ok(())
    })
}

/// Ends the Postgres of the run; on a server of somebody else's, the databases alone.
pub(crate) fn finish() {
    if let Some(server) = SERVER.lock().unwrap().take() {
        server.runtime.block_on(server.databases.remove_all()).unwrap();
    }
}

/// A service that runs.
pub(crate) struct Service {
    pub(crate) url: String,
    /// For what a case does beside the program.
    pub(crate) client: Client,
    /// Stops when it is dropped.
    _running: Box<dyn Running>,
}

trait Running {}

impl<S: Store> Running for RunningService<S> {}

impl Service {
    async fn start(store: StoreUnderTest) -> Self {
        let (address, running) = match store {
            StoreUnderTest::Memory => serve(MemoryStore::seeded(Clock::system().now()).unwrap()),
            StoreUnderTest::Postgres => serve(postgres().await),
        };
        let url = format!("http://{address}");
        let never = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Self {
            client: Client::builder(&url).retry(never).build().unwrap(),
            url,
            _running: running,
        }
    }

    /// The program, set to this service, in an environment that sets nothing else.
    pub(crate) fn command(&self) -> Command {
        let mut command = program();
        command.env("TENANT_REGISTRY_URL", &self.url);
        command
    }

    /// Runs the program.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command().args(arguments), "").await
    }

    /// Runs the program with something on standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        ended(self.command().args(arguments), input).await
    }

    /// What the program prints as JSON, when it should succeed.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str(&ended.stdout).unwrap_or(Value::Null)
    }
}

fn serve<S: Store>(store: S) -> (SocketAddr, Box<dyn Running>) {
    let settings = ServeSettings {
        bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
        body_limit: 64 * 1024,
        internal_address: None,
        limits: Limits {
            body_time: Duration::from_secs(30),
        },
        metrics_address: None,
        shutdown_drain: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(10),
        allowed_origins: AllowedOrigins::default(),
        last_used_interval: Duration::from_secs(5),
        traces: None,
        api: ApiSettings {
            trusted_proxies: TrustedProxies::new(Vec::new()),
            retry_after: RetryAfterSeconds::try_from(1).unwrap(),
            request_rate: RateLimit::new(NonZeroU32::MIN).unwrap(),
            max_requests: 1024,
        },
    };
    let hasher = ApiKeyHasher::new(HashLimits {
        max_running: 2,
        max_waiting: 64,
        cached_keys: 100,
        prefix_budget: PrefixBudget::default(),
    });
    let catalog = catalog_file::read(None).unwrap();
    let registry = Registry::new(store, catalog, Clock::system(), hasher.unwrap());
    let running = serve::start(settings, registry, Access::Open).unwrap();
    (running.address(), Box::new(running))
}

impl Server {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (cluster, url) = match std::env::var("TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => (None, url),
            Ok(_) | Err(_) => {
                let cluster = Cluster::start(ClusterSettings::default()).unwrap();
                let url = cluster.url("postgres");
                (Some(cluster), url)
            }
        };
        Self {
            databases: runtime.block_on(Databases::on(&url)).unwrap(),
            runtime,
            _cluster: cluster,
        }
    }
}

/// A store on a database of its own.
async fn postgres() -> PostgresStore {
    let creating = {
        let mut server = SERVER.lock().unwrap();
        // On a thread of its own: the case is on a runtime already.
        let server = server.get_or_insert_with(|| std::thread::spawn(Server::start).join().unwrap());
        let databases = server.databases.clone();
        server.runtime.spawn(async move { databases.create(None).await })
    };
    let url = creating.await.unwrap().unwrap().url.parse().unwrap();
    migrations::migrate(&url, CONNECT_TIMEOUT).await.unwrap();
    let settings = PoolSettings {
        size: 4,
        shared: 2,
        wait: CONNECT_TIMEOUT,
        connect_timeout: CONNECT_TIMEOUT,
        statement_timeout: CONNECT_TIMEOUT,
        recycling: Recycling::Fast,
    };
    PostgresStore::new(&url, &settings).unwrap()
}

/// How the program ended, and all that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, in an environment that sets nothing.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
    command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn ended(command: &mut Command, input: &str) -> Ended {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that ends without reading it is as good.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Fails unless the program ended with this code, and said all of this on standard error.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word}: {self:?}");
        }
    }
}
