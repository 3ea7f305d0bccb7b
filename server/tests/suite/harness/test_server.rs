//! A server in this process, with everything that a case needs to act on it.

use super::clock::SettableClock;
use super::faults::{FaultyStore, Operator};
use super::postgres::TestDatabase;
use super::raw_client::RawClient;
use super::{StoreUnderTest, recorder};
use reqwest::header::HeaderValue;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_client::{Client, RetryPolicy};
use tenant_registry_contract::http::{AllowedOrigins, Limits};
use tenant_registry_contract::types::RetryAfterSeconds;
use tenant_registry_server::api::ApiSettings;
use tenant_registry_server::api_key_hash::{ApiKeyHasher, DigestKeys, HashLimits, PrefixBudget};
use tenant_registry_server::auth::{Access, AccessSettings};
use tenant_registry_server::catalog_file;
use tenant_registry_server::domain::Registry;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::domain::origin::TrustedProxies;
use tenant_registry_server::limits::request_rate::RateLimit;
use tenant_registry_server::serve::{self, RunningService, ServeSettings};
use tenant_registry_server::store::Store;
use tenant_registry_server::store::memory::MemoryStore;

/// The catalog of the tests.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/catalog.toml");

/// The value of Retry-After.
pub(crate) const RETRY_AFTER_SECONDS: i32 = 7;

/// Settings of a test server.
pub(crate) struct Settings {
    /// Bytes.
    pub(crate) body_limit: usize,
    pub(crate) body_time: Duration,
    pub(crate) trusted_proxies: &'static [&'static str],
    pub(crate) allowed_origins: &'static [&'static str],
    pub(crate) hash_limits: HashLimits,
    pub(crate) digest_keys: DigestKeys,
    pub(crate) access: AccessSettings,
    /// Requests per second of each authenticated caller.
    pub(crate) request_rate: u32,
    /// Requests that run at the same time.
    pub(crate) max_requests: usize,
    /// Bytes of all bodies together.
    pub(crate) max_memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 64 * 1024,
            body_time: Duration::from_secs(30),
            trusted_proxies: &[],
            allowed_origins: &[],
            hash_limits: HashLimits {
                max_running: 2,
                max_waiting: 64,
                cached_keys: 100,
                prefix_budget: PrefixBudget::default(),
            },
            digest_keys: DigestKeys::default(),
            access: AccessSettings::Open,
            request_rate: 1_000_000,
            max_requests: 1024,
            max_memory: 1024 * 1024 * 1024,
        }
    }
}

/// A running server with its store, its clock and its clients.
pub(crate) struct TestServer {
    pub(crate) clock: SettableClock,
    /// The generated client, without retries.
    pub(crate) client: Client,
    pub(crate) raw: RawClient,
    /// The address of the server itself, for what is no valid HTTP. Exchanges are not recorded.
    pub(crate) address: SocketAddr,
    pub(crate) operator: Arc<dyn Operator>,
    start_replica: StartReplica,
    /// Stops when it is dropped.
    _running: Box<dyn Running>,
}

/// Starts another server on the same store with the same clock.
type StartReplica = Arc<dyn Fn(Settings) -> Started + Send + Sync>;

struct Started {
    address: SocketAddr,
    running: Box<dyn Running>,
}

/// A running service on any store.
trait Running: Send + Sync {}

impl<S: Store> Running for RunningService<S> {}

impl TestServer {
    /// Starts a server on a new store.
    pub(crate) async fn start(store: StoreUnderTest) -> Self {
        Self::start_with(store, Settings::default()).await
    }

    pub(crate) async fn start_with(store: StoreUnderTest, settings: Settings) -> Self {
        let clock = SettableClock::new();
        match store {
            StoreUnderTest::Memory => {
                let store = MemoryStore::seeded(clock.now().try_into().unwrap()).unwrap();
                Self::start_on_memory(store, clock, settings).await
            }
            StoreUnderTest::Postgres => {
                let database = TestDatabase::create().await;
                let store = FaultyStore::new(database.store());
                let again = store.clone();
                // A replica has its own connections.
                let replica = move || again.with_same_fault(database.store());
                Self::start_on(store, replica, clock, settings).await
            }
        }
    }

    /// Starts a server on a store that is empty. The in-memory store otherwise has one tenant from the start.
    pub(crate) async fn start_empty(store: StoreUnderTest) -> Self {
        match store {
            StoreUnderTest::Memory => {
                Self::start_on_memory(MemoryStore::default(), SettableClock::new(), Settings::default()).await
            }
            StoreUnderTest::Postgres => Self::start(store).await,
        }
    }

    async fn start_on_memory(store: MemoryStore, clock: SettableClock, settings: Settings) -> Self {
        let store = FaultyStore::new(store);
        let again = store.clone();
        Self::start_on(store, move || again.clone(), clock, settings).await
    }

    /// `replica` opens another store on the same records.
    async fn start_on<S: Store>(
        store: FaultyStore<S>,
        replica: impl Fn() -> FaultyStore<S> + Send + Sync + 'static,
        clock: SettableClock,
        settings: Settings,
    ) -> Self {
        let operator = Arc::new(store);
        let service_clock = clock.clone();
        let start_replica: StartReplica = Arc::new(move |settings| start(replica(), &service_clock, settings));
        Self::reach(start_replica, settings, clock, operator).await
    }

    /// Starts a second server on the same store.
    pub(crate) async fn replica(&self, settings: Settings) -> Self {
        Self::reach(
            Arc::clone(&self.start_replica),
            settings,
            self.clock.clone(),
            Arc::clone(&self.operator),
        )
        .await
    }

    async fn reach(
        start_replica: StartReplica,
        settings: Settings,
        clock: SettableClock,
        operator: Arc<dyn Operator>,
    ) -> Self {
        let Started { address, running } = start_replica(settings);
        let base_url = format!("http://{}", recorder::start(address).await);
        let never = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Self {
            clock,
            client: Client::builder(&base_url).retry(never).build().unwrap(),
            raw: RawClient::new(base_url),
            address,
            operator,
            start_replica,
            _running: running,
        }
    }
}

fn start<S: Store>(store: FaultyStore<S>, clock: &SettableClock, settings: Settings) -> Started {
    let Settings {
        body_limit,
        body_time,
        trusted_proxies,
        allowed_origins,
        hash_limits,
        digest_keys,
        access,
        request_rate,
        max_requests,
        max_memory,
    } = settings;
    let allowed_origins = allowed_origins.iter().copied().map(HeaderValue::from_static);
    let networks = trusted_proxies.iter().map(|network| network.parse().unwrap());
    let settings = ServeSettings {
        bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
        internal_address: None,
        limits: Limits {
            body_size: body_limit,
            body_time,
        },
        max_connections: 1024,
        metrics_address: None,
        shutdown_drain: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(10),
        // Short, since tests wait for the time of last use.
        last_used_interval: Duration::from_millis(10),
        idempotency_retention: Duration::from_secs(24 * 60 * 60),
        allowed_origins: AllowedOrigins::new(allowed_origins),
        allowed_hosts: vec!["registry.test".to_owned()],
        traces: None,
        api: ApiSettings {
            trusted_proxies: TrustedProxies::new(networks.collect()),
            retry_after: RetryAfterSeconds::try_from(RETRY_AFTER_SECONDS).unwrap(),
            request_rate: RateLimit::new(NonZeroU32::new(request_rate).unwrap()).unwrap(),
            max_requests,
            max_memory,
        },
    };
    let catalog = catalog_file::read(Some(CATALOG.as_ref())).unwrap();
    let hasher = ApiKeyHasher::new(hash_limits, digest_keys).unwrap();
    let registry = Registry::new(store, catalog, clock.for_service(), hasher);
    // Tokens have real times, independent of the settable clock.
    let access = Access::start(access, Clock::system()).unwrap();
    let running = serve::start(settings, registry, access).unwrap();
    Started {
        address: running.address(),
        running: Box::new(running),
    }
}
