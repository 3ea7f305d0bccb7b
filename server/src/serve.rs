//! Runs the service: from a bound socket to the last answered request.

use crate::api::{ApiSettings, RegistryApi};
use crate::api_key_hash::HashCounts;
use crate::auth::Access;
use crate::documentation::{self, DocumentationError};
use crate::domain::Registry;
use crate::domain::error::Failure;
use crate::draining::Draining;
use crate::operations::{self, OperationsError};
use crate::records::ConnectionCounts;
use crate::store::Store;
use crate::telemetry::metrics::{Exposition, Metrics, Observed};
use crate::telemetry::traces::{SpanCounts, TraceSettings, Traces};
use crate::telemetry::{self, RequestObserver};
use dropshot::{ConfigDropshot, HandlerTaskMode, HttpServer, ServerBuilder};
use std::error::Error as _;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenant_registry_contract::http::{AllowedOrigins, Limits, Service, api_description};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::warn;

/// What the paths of the operations for the platform's own programs begin with.
const INTERNAL: &str = "/v1/internal/";

/// How the service runs.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where to listen; port 0 takes a free one.
    pub bind_address: SocketAddr,
    /// Where to listen for calls of what is under `/v1/internal/`; with all others where there is none.
    pub internal_address: Option<SocketAddr>,
    /// Where to listen for those who run the service, if at all.
    pub operations_address: Option<SocketAddr>,
    /// The most bytes of a request body.
    pub body_limit: usize,
    /// What a single request may take besides.
    pub limits: Limits,
    /// How long [`RunningService::drain`] lasts.
    pub shutdown_drain: Duration,
    /// The most time that [`RunningService::shutdown`] takes.
    pub shutdown_timeout: Duration,
    /// How often the times of last use are written.
    pub last_used_interval: Duration,
    /// Whose pages may call the service from a browser.
    pub allowed_origins: AllowedOrigins,
    /// Where traces go, if anywhere.
    pub traces: Option<TraceSettings>,
    /// What the API needs to know.
    pub api: ApiSettings,
}

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The generated API cannot be registered: a fault of the spec or of the generator.
    #[error("the API cannot be registered: {0}")]
    Api(#[from] dropshot::ApiDescriptionRegisterError),
    /// The documents cannot be served: a fault of ours.
    #[error("{0}")]
    Documentation(#[from] DocumentationError),
    /// The address cannot be listened on.
    #[error("{0}{reason}", reason = reason(.0))]
    Listen(#[from] dropshot::BuildError),
    /// The exporter of traces cannot be set up.
    #[error("traces cannot be exported: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The listener for those who run the service did not start.
    #[error("{0}")]
    Operations(#[from] OperationsError),
}

/// What the operating system says about an address that cannot be listened on.
pub(crate) fn reason(error: &dropshot::BuildError) -> String {
    error.source().map_or_else(String::new, |source| format!(": {source}"))
}

/// Why the service did not stop as it should.
#[derive(Debug, Error)]
pub enum ShutdownError {
    /// The bound was reached; requests that still ran were cut off.
    #[error("some requests did not end within the shutdown timeout and were cut off")]
    TimedOut,
    /// The HTTP server broke off.
    #[error("the HTTP server stopped: {0}")]
    Server(String),
    /// The last times of use could not be written.
    #[error("the last times of use were not written: {0}")]
    LastUsed(Failure),
}

/// A service that answers requests. Dropping it stops it without waiting.
pub struct RunningService<S: Store> {
    http: HttpServer<Service<RegistryApi<S>>>,
    internal: Option<HttpServer<Service<RegistryApi<S>>>>,
    operations: Option<HttpServer<Exposition>>,
    registry: Arc<Registry<S>>,
    writer: LastUsedWriter,
    draining: Draining,
    traces: Option<Traces>,
    shutdown_drain: Duration,
    shutdown_timeout: Duration,
}

/// Starts the service on a registry, for those who are let in; when this returns, it answers.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start<S: Store>(
    settings: ServeSettings,
    registry: Registry<S>,
    access: Access,
) -> Result<RunningService<S>, StartError> {
    let ServeSettings {
        bind_address,
        internal_address,
        operations_address,
        body_limit,
        limits,
        shutdown_drain,
        shutdown_timeout,
        last_used_interval,
        allowed_origins,
        traces,
        api: api_settings,
    } = settings;
    let registry = Arc::new(registry);
    let draining = Draining::default();
    let metrics = Metrics::default();
    let implementation = RegistryApi::new(
        Arc::clone(&registry),
        api_settings,
        access,
        draining.clone(),
        metrics.clone(),
    );
    let traces = traces.map(Traces::start).transpose()?;
    let observer = RequestObserver::new(metrics.clone(), traces.as_ref().map(Traces::tracer));
    let listen = |api, address| {
        let service = Service::new(
            implementation.clone(),
            limits,
            allowed_origins.clone(),
            observer.clone(),
        );
        let config = ConfigDropshot {
            bind_address: address,
            default_request_body_max_bytes: body_limit,
            // A client that goes away must not leave a change half reported.
            default_handler_task_mode: HandlerTaskMode::Detached,
            ..ConfigDropshot::default()
        };
        ServerBuilder::new(api, service, telemetry::logger())
            .config(config)
            .start()
    };
    let is_internal = |path: &str| path.starts_with(INTERNAL);
    let mut api = api_description(|path| internal_address.is_none() || !is_internal(path))?;
    documentation::register(&mut api)?;
    let http = listen(api, bind_address)?;
    let internal = match internal_address {
        Some(address) => Some(listen(api_description(is_internal)?, address)?),
        None => None,
    };
    let state = State {
        registry: Arc::clone(&registry),
        draining: draining.clone(),
        span_counts: traces.as_ref().map(Traces::counts),
    };
    let operations = operations_address
        .map(|address| operations::start(address, Exposition::new(&metrics, state)))
        .transpose()?;
    let writer = LastUsedWriter::start(Arc::clone(&registry), last_used_interval);
    Ok(RunningService {
        http,
        internal,
        operations,
        registry,
        writer,
        draining,
        traces,
        shutdown_drain,
        shutdown_timeout,
    })
}

impl<S: Store> RunningService<S> {
    /// Where the service listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// Where it listens for what is under `/v1/internal/` alone.
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal.as_ref().map(HttpServer::local_addr)
    }

    /// Where it listens for those who run it.
    pub fn operations_address(&self) -> Option<SocketAddr> {
        self.operations.as_ref().map(HttpServer::local_addr)
    }

    /// Resolves when an HTTP server ends by itself, which it should not.
    pub async fn ended(&self) -> String {
        let internal = async {
            match &self.internal {
                Some(internal) => internal.wait_for_shutdown().await,
                None => pending().await,
            }
        };
        let ended = tokio::select! {
            ended = self.http.wait_for_shutdown() => ended,
            ended = internal => ended,
        };
        match ended {
            Ok(()) => "the HTTP server ended".to_owned(),
            Err(error) => error,
        }
    }

    /// Says by the readiness probe that the service is about to stop, and serves on for a while: whoever balances the load
    /// is to look elsewhere before a connection is refused.
    pub async fn drain(&self) {
        self.draining.begin();
        sleep(self.shutdown_drain).await;
    }

    /// Takes no new connection, finishes what runs, writes and exports what waits for it.
    ///
    /// # Errors
    /// What did not end well; the service has stopped all the same.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Self {
            http,
            internal,
            // Until the end: what happens last is worth knowing.
            operations: _operations,
            registry,
            writer,
            draining,
            traces,
            shutdown_drain: _,
            shutdown_timeout,
        } = self;
        let begun = Instant::now();
        draining.begin();
        let finish = async {
            let internal = async {
                match internal {
                    Some(internal) => internal.close().await,
                    None => Ok(()),
                }
            };
            let (http, internal) = tokio::join!(http.close(), internal);
            http.and(internal).map_err(ShutdownError::Server)?;
            writer.stop().await;
            registry.api_key_uses_write().await.map_err(ShutdownError::LastUsed)
        };
        let finished = timeout(shutdown_timeout, finish).await;
        if let Some(traces) = traces {
            traces.shutdown(shutdown_timeout.saturating_sub(begun.elapsed())).await;
        }
        finished.unwrap_or(Err(ShutdownError::TimedOut))
    }
}

/// What is asked for when metrics are scraped.
struct State<S> {
    registry: Arc<Registry<S>>,
    draining: Draining,
    span_counts: Option<Arc<SpanCounts>>,
}

impl<S: Store> Observed for State<S> {
    fn hash_counts(&self) -> HashCounts {
        self.registry.hash_counts()
    }

    fn connections(&self) -> Option<ConnectionCounts> {
        self.registry.connections()
    }

    fn span_counts(&self) -> Option<&SpanCounts> {
        self.span_counts.as_deref()
    }

    fn is_draining(&self) -> bool {
        self.draining.has_begun()
    }
}

/// Writes the times of last use, now and then.
struct LastUsedWriter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LastUsedWriter {
    fn start<S: Store>(registry: Arc<Registry<S>>, every: Duration) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    // Resolves too when the service was dropped without a shutdown.
                    _ = &mut stopped => break,
                    _ = ticks.tick() => {}
                    () = registry.api_key_uses_filling() => {}
                }
                if let Err(failure) = registry.api_key_uses_write().await {
                    warn!(
                        detail = failure.detail().for_log(),
                        "the last times of use were not written: {failure}"
                    );
                }
            }
        });
        Self { stop, task }
    }

    async fn stop(self) {
        let Self { stop, task } = self;
        drop(stop);
        if let Err(error) = task.await {
            warn!("the task that writes the last times of use broke off: {error}");
        }
    }
}
