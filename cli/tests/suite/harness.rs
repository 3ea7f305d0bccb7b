//! The service in this process, on either store, and the program as a process.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use tenant_registry_client::{Client, RetryPolicy};
use tenant_registry_contract::http::{AllowedOrigins, Limits};
use tenant_registry_contract::types::RetryAfterSeconds;
use tenant_registry_server::api::ApiSettings;
use tenant_registry_server::api_key_hash::{ApiKeyHasher, DigestKeys, HashLimits, PrefixBudget};
use tenant_registry_server::auth::Access;
use tenant_registry_server::catalog_file;
use tenant_registry_server::domain::Registry;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::domain::origin::TrustedProxies;
use tenant_registry_server::limits::request_rate::RateLimit;
use tenant_registry_server::serve::{self, RunningService, ServeSettings};
use tenant_registry_server::store::Store;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::store::postgres::{PoolSettings, PostgresStore, Recycling, RowSecurity, migrations};
use test_support::StoreUnderTest;
use test_support::postgres::TestDatabase;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// Long enough for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A case on both stores.
pub(crate) fn on_stores<F: Future<Output = ()> + 'static>(name: &str, run: fn(TestServer) -> F) -> Vec<Trial> {
    let stores = StoreUnderTest::selected().into_iter();
    stores.map(|store| on_store(store, name, run)).collect()
}

/// A case on the in-memory store only, since the store makes no difference.
pub(crate) fn on_memory<F: Future<Output = ()> + 'static>(name: &str, run: fn(TestServer) -> F) -> Vec<Trial> {
    vec![on_store(StoreUnderTest::Memory, name, run)]
}

fn on_store<F: Future<Output = ()> + 'static>(store: StoreUnderTest, name: &str, run: fn(TestServer) -> F) -> Trial {
    Trial::test(format!("{store}::{name}"), move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { timeout(DEADLINE, run(TestServer::start(store).await)).await })?;
        runtime.shutdown_background();
        Ok(())
    })
}

/// A running server.
pub(crate) struct TestServer {
    pub(crate) url: String,
    /// For what a case does without the program.
    pub(crate) client: Client,
    /// Stops when it is dropped.
    _running: Box<dyn Running>,
}

trait Running {}

impl<S: Store> Running for RunningService<S> {}

impl Running for (Box<dyn Running>, TestDatabase) {}

impl TestServer {
    async fn start(store: StoreUnderTest) -> Self {
        let (address, running) = match store {
            StoreUnderTest::Memory => serve(MemoryStore::seeded(Clock::system().now()).unwrap()),
            StoreUnderTest::Postgres => {
                let migrate = async |url: String| {
                    migrations::migrate(&url.parse().unwrap(), CONNECT_TIMEOUT)
                        .await
                        .unwrap();
                };
                let database = TestDatabase::create(migrate).await;
                let (address, running) = serve(postgres_store(&database));
                (address, Box::new((running, database)) as Box<dyn Running>)
            }
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

    /// The program with this server's URL in its environment and nothing else.
    pub(crate) fn command(&self) -> Command {
        let mut command = program();
        command.env("TENANT_REGISTRY_URL", &self.url);
        command
    }

    /// Runs the program.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command().args(arguments), "").await
    }

    /// Runs the program with a text on standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        ended(self.command().args(arguments), input).await
    }

    /// Runs the program, which has to succeed, and returns the JSON that it prints.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str(&ended.stdout).unwrap_or(Value::Null)
    }
}

fn serve<S: Store>(store: S) -> (SocketAddr, Box<dyn Running>) {
    let settings = ServeSettings {
        bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
        internal_address: None,
        max_connections: 1024,
        limits: Limits {
            body_size: 64 * 1024,
            body_time: Duration::from_secs(30),
        },
        metrics_address: None,
        shutdown_drain: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(10),
        allowed_origins: AllowedOrigins::default(),
        allowed_hosts: Vec::new(),
        last_used_interval: Duration::from_secs(5),
        idempotency_retention: Duration::from_secs(24 * 60 * 60),
        traces: None,
        api: ApiSettings {
            trusted_proxies: TrustedProxies::new(Vec::new()),
            retry_after: RetryAfterSeconds::try_from(1).unwrap(),
            request_rate: RateLimit::new(NonZeroU32::MIN).unwrap(),
            max_requests: 1024,
            max_memory: 1024 * 1024 * 1024,
        },
    };
    let hash_limits = HashLimits {
        max_running: 2,
        max_waiting: 64,
        cached_keys: 100,
        prefix_budget: PrefixBudget::default(),
    };
    let hasher = ApiKeyHasher::new(hash_limits, DigestKeys::default());
    let catalog = catalog_file::read(None).unwrap();
    let registry = Registry::new(store, catalog, Clock::system(), hasher.unwrap());
    let running = serve::start(settings, registry, Access::Open).unwrap();
    (running.address(), Box::new(running))
}

/// A store on its own database.
fn postgres_store(database: &TestDatabase) -> PostgresStore {
    let settings = PoolSettings {
        size: 4,
        shared: 2,
        wait: CONNECT_TIMEOUT,
        connect_timeout: CONNECT_TIMEOUT,
        statement_timeout: CONNECT_TIMEOUT,
        recycling: Recycling::Fast,
        row_security: RowSecurity::Off,
    };
    PostgresStore::new(&database.url().parse().unwrap(), &settings, None, None).unwrap()
}

/// The end of the program: its exit code and output.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with an empty environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
    command
        .env_clear()
        // No tokens of the user who runs the tests.
        .env("XDG_STATE_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command until it ends.
pub(crate) async fn ended(command: &mut Command, input: &str) -> Ended {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program may end without reading it.
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
    /// Expects this exit code, and each of these texts on standard error.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word}: {self:?}");
        }
    }
}
