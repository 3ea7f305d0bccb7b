//! The compared servers. Each returns the response of `health_get`.

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use dropshot::{
    ApiDescription, ApiEndpoint, ApiEndpointVersions, ConfigDropshot, HandlerTaskMode, HttpError, HttpResponseOk,
    HttpServer, Method, RequestContext, ServerBuilder,
};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use slog::{Discard, Logger, o};
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
use tenant_registry_server::serve::{RunningService, ServeSettings};
use tenant_registry_server::store::memory::MemoryStore;
use tokio::net::TcpListener;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    _running: Running,
}

/// Keeps a server alive.
enum Running {
    Hyper,
    Dropshot { _server: HttpServer<()> },
    Registry { _service: Box<RunningService<MemoryStore>> },
}

/// Starts all servers: hyper first, dropshot second.
pub(crate) async fn start() -> Result<Vec<Server>, Box<dyn Error>> {
    let hyper = hyper().await?;
    let dropshot = dropshot()?;
    let service = registry()?;
    Ok(vec![
        Server {
            name: "hyper",
            address: hyper,
            path: "/healthz",
            _running: Running::Hyper,
        },
        Server {
            name: "dropshot, hand-written endpoint",
            address: dropshot.local_addr(),
            path: "/healthz",
            _running: Running::Dropshot { _server: dropshot },
        },
        Server {
            name: "hyper, generated layer (health_get)",
            address: service.address(),
            path: "/healthz",
            _running: Running::Registry {
                _service: Box::new(service),
            },
        },
    ])
}

async fn hyper() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind(ANY_PORT).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(connection),
                service_fn(|_: Request<hyper::body::Incoming>| async {
                    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"ok\"}")));
                    response.headers_mut().insert(
                        header::CONTENT_TYPE,
                        header::HeaderValue::from_static("application/json"),
                    );
                    Ok::<_, Infallible>(response)
                }),
            ));
        }
    });
    Ok(address)
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Status {
    status: &'static str,
}

async fn status(_: RequestContext<()>) -> Result<HttpResponseOk<Status>, HttpError> {
    Ok(HttpResponseOk(Status { status: "ok" }))
}

fn dropshot() -> Result<HttpServer<()>, Box<dyn Error>> {
    let mut api = ApiDescription::new();
    api.register(ApiEndpoint::new(
        "status".to_owned(),
        status,
        Method::GET,
        "application/json",
        "/healthz",
        ApiEndpointVersions::All,
    ))?;
    let config = ConfigDropshot {
        bind_address: ANY_PORT,
        default_handler_task_mode: HandlerTaskMode::Detached,
        ..ConfigDropshot::default()
    };
    Ok(ServerBuilder::new(api, (), Logger::root(Discard, o!()))
        .config(config)
        .start()?)
}

fn registry() -> Result<RunningService<MemoryStore>, Box<dyn Error>> {
    let clock = Clock::system();
    let store = MemoryStore::seeded(clock.now())?;
    let hash_limits = HashLimits {
        max_running: 1,
        max_waiting: 1,
        cached_keys: 1,
        prefix_budget: PrefixBudget::default(),
    };
    let hasher = ApiKeyHasher::new(hash_limits, DigestKeys::default())?;
    let settings = ServeSettings {
        bind_address: ANY_PORT,
        internal_address: None,
        max_connections: 1024,
        limits: Limits {
            body_size: 1024,
            body_time: Duration::from_secs(30),
        },
        metrics_address: None,
        shutdown_drain: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(1),
        last_used_interval: Duration::from_secs(1),
        idempotency_retention: Duration::from_secs(24 * 60 * 60),
        allowed_origins: AllowedOrigins::default(),
        allowed_hosts: Vec::new(),
        traces: None,
        api: ApiSettings {
            trusted_proxies: TrustedProxies::new(Vec::new()),
            retry_after: RetryAfterSeconds::try_from(1)?,
            request_rate: RateLimit::new(NonZeroU32::MIN)?,
            max_requests: 1024,
            max_memory: 1024 * 1024 * 1024,
        },
    };
    let registry = Registry::new(store, catalog_file::read(None)?, clock, hasher);
    Ok(tenant_registry_server::serve::start(settings, registry, Access::Open)?)
}
