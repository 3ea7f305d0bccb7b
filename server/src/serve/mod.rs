//! Starts the service: the listeners of the API, the metrics server, and the background tasks.

mod last_used_writer;
mod metrics_server;
mod removal;
mod running;
mod sampler;
mod settings;

use crate::api::RegistryApi;
use crate::api::open_access::OpenAccessPolicy;
use crate::auth::Access;
use crate::documentation::Documentation;
use crate::domain::Registry;
use crate::draining::Draining;
pub use crate::listener::ListenError;
use crate::listener::{HttpServer, Listener};
use crate::store::Store;
use crate::telemetry::RequestObserver;
use crate::telemetry::metrics::{Exposition, Metrics};
use crate::telemetry::traces::Traces;
use last_used_writer::LastUsedWriter;
use removal::Removal;
pub use running::{RunningService, ShutdownError};
use sampler::Sampler;
pub use settings::ServeSettings;
use std::io;
use std::sync::Arc;
use tenant_registry_contract::http::{ServerContext, respond};
use thiserror::Error;
use tokio::sync::Semaphore;

/// The prefix of the paths that only the platform's own programs call.
const INTERNAL: &str = "/v1/internal/";

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A document cannot be compressed.
    #[error("cannot compress a document: {0}")]
    Documentation(#[from] io::Error),
    /// An address cannot be listened on.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// The threads that decode large bodies cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The trace exporter cannot be set up.
    #[error("cannot export traces: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Starts the service. When this returns, it serves requests.
///
/// # Errors
/// Fails if an address cannot be listened on.
pub fn start<S: Store>(
    settings: ServeSettings,
    registry: Registry<S>,
    access: Access,
) -> Result<RunningService<S>, StartError> {
    let ServeSettings {
        bind_address,
        internal_address,
        metrics_address,
        limits,
        max_connections,
        shutdown_drain,
        shutdown_timeout,
        last_used_interval,
        idempotency_retention,
        allowed_origins,
        allowed_hosts,
        traces,
        api: api_settings,
    } = settings;
    let is_open = matches!(access, Access::Open);
    let registry = Arc::new(registry);
    let draining = Draining::default();
    let metrics = Metrics::default();
    let implementation = RegistryApi::new(
        Arc::clone(&registry),
        api_settings,
        access,
        draining.clone(),
        metrics.clone(),
    )
    .map_err(StartError::Threads)?;
    let traces = traces.map(Traces::start).transpose()?;
    let observer = RequestObserver::new(metrics.clone(), traces.as_ref().map(Traces::tracer));
    let permits = Arc::new(Semaphore::new(max_connections));
    let context = || {
        ServerContext::new(
            implementation.clone(),
            limits,
            allowed_origins.clone(),
            observer.clone(),
        )
    };
    let listen = |context: ServerContext<_>, address| -> Result<HttpServer, ListenError> {
        let context = if is_open {
            context.with_policy(OpenAccessPolicy::new(
                address,
                allowed_hosts.clone(),
                allowed_origins.clone(),
            ))
        } else {
            context
        };
        let context = Arc::new(context);
        let respond = move |peer, request| respond(Arc::clone(&context), peer, request);
        Ok(Listener::bind(address)?.serve(Arc::clone(&permits), limits.body_time, respond))
    };
    let public = context().with_resources(Documentation::new()?);
    let (http, internal) = match internal_address {
        None => (listen(public, bind_address)?, None),
        Some(address) => (
            listen(public.serving(|path| !is_internal(path)), bind_address)?,
            Some(listen(context().serving(is_internal), address)?),
        ),
    };
    let sampler = Sampler {
        registry: Arc::clone(&registry),
        draining: draining.clone(),
        spans: traces.as_ref().map(Traces::counts),
    };
    let metrics_server = metrics_address
        .map(|address| metrics_server::start(address, Exposition::new(&metrics, sampler)))
        .transpose()?;
    let writer = LastUsedWriter::start(Arc::clone(&registry), last_used_interval);
    let removal = Removal::start(Arc::clone(&registry), idempotency_retention);
    Ok(RunningService {
        http,
        internal,
        metrics_server,
        registry,
        writer,
        removal,
        draining,
        traces,
        shutdown_drain,
        shutdown_timeout,
    })
}

fn is_internal(path: &str) -> bool {
    path.starts_with(INTERNAL)
}
