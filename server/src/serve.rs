//! Runs the service: from a bound socket to the last answered request.

use crate::api::{ApiSettings, RegistryApi};
use crate::documentation::{self, DocumentationError};
use crate::domain::Registry;
use crate::domain::error::Failure;
use crate::store::Store;
use crate::telemetry;
use dropshot::{ConfigDropshot, HandlerTaskMode, HttpServer, ServerBuilder};
use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_contract::http::{AllowedOrigins, Service, api_description};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

/// How the service runs.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where to listen; port 0 takes a free one.
    pub bind_address: SocketAddr,
    /// The most bytes of a request body.
    pub body_limit: usize,
    /// The most time that [`RunningService::shutdown`] takes.
    pub shutdown_timeout: Duration,
    /// How often the times of last use are written.
    pub last_used_interval: Duration,
    /// Whose pages may call the service from a browser.
    pub allowed_origins: AllowedOrigins,
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
}

fn reason(error: &dropshot::BuildError) -> String {
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
    registry: Arc<Registry<S>>,
    writer: LastUsedWriter,
    shutdown_timeout: Duration,
}

/// Starts the service on a registry; when this returns, it answers.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start<S: Store>(settings: ServeSettings, registry: Registry<S>) -> Result<RunningService<S>, StartError> {
    let ServeSettings {
        bind_address,
        body_limit,
        shutdown_timeout,
        last_used_interval,
        allowed_origins,
        api: api_settings,
    } = settings;
    let registry = Arc::new(registry);
    let implementation = RegistryApi::new(Arc::clone(&registry), api_settings);
    let service = Service::new(implementation, allowed_origins);
    let mut api = api_description()?;
    documentation::register(&mut api)?;
    let http = ServerBuilder::new(api, service, telemetry::logger())
        .config(ConfigDropshot {
            bind_address,
            default_request_body_max_bytes: body_limit,
            // A client that goes away must not leave a change half reported.
            default_handler_task_mode: HandlerTaskMode::Detached,
            ..ConfigDropshot::default()
        })
        .start()?;
    let writer = LastUsedWriter::start(Arc::clone(&registry), last_used_interval);
    Ok(RunningService {
        http,
        registry,
        writer,
        shutdown_timeout,
    })
}

impl<S: Store> RunningService<S> {
    /// Where the service listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// Resolves when the HTTP server ends by itself, which it should not.
    pub async fn ended(&self) -> String {
        match self.http.wait_for_shutdown().await {
            Ok(()) => "the HTTP server ended".to_owned(),
            Err(error) => error,
        }
    }

    /// Takes no new connection, finishes what runs, writes what waits to be written.
    ///
    /// # Errors
    /// What did not end well; the service has stopped all the same.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Self {
            http,
            registry,
            writer,
            shutdown_timeout,
        } = self;
        let finish = async {
            http.close().await.map_err(ShutdownError::Server)?;
            writer.stop().await;
            registry.api_key_uses_write().await.map_err(ShutdownError::LastUsed)
        };
        timeout(shutdown_timeout, finish)
            .await
            .unwrap_or(Err(ShutdownError::TimedOut))
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
