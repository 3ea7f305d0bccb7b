//! Starts the service: the listeners of the API, the metrics server, and the background tasks.

mod last_used_writer;
mod metrics_server;
mod running;
mod sampler;
mod settings;

use crate::api::RegistryApi;
use crate::auth::Access;
use crate::documentation::{self, DocumentationError};
use crate::domain::Registry;
use crate::draining::Draining;
use crate::error_chain::with_causes;
use crate::store::Store;
use crate::telemetry::metrics::{Exposition, Metrics};
use crate::telemetry::traces::Traces;
use crate::telemetry::{self, RequestObserver};
use dropshot::{ConfigDropshot, HandlerTaskMode, ServerBuilder};
use last_used_writer::LastUsedWriter;
pub use metrics_server::MetricsServerError;
pub use running::{RunningService, ShutdownError};
use sampler::Sampler;
pub use settings::ServeSettings;
use std::sync::Arc;
use tenant_registry_contract::http::{ServerContext, api_description};
use thiserror::Error;

/// The prefix of the paths that only the platform's own programs call.
const INTERNAL: &str = "/v1/internal/";

/// Why the service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The generated API cannot be registered, which is a bug in the spec or in the generator.
    #[error("cannot register the API: {0}")]
    Api(#[from] dropshot::ApiDescriptionRegisterError),
    /// The documentation cannot be served, which is a bug.
    #[error("{0}")]
    Documentation(#[from] DocumentationError),
    /// The address cannot be listened on.
    #[error("{}", with_causes(.0))]
    Listen(#[from] dropshot::BuildError),
    /// The trace exporter cannot be set up.
    #[error("cannot export traces: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metrics server did not start.
    #[error("{0}")]
    MetricsServer(#[from] MetricsServerError),
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
        let context = ServerContext::new(
            implementation.clone(),
            limits,
            allowed_origins.clone(),
            observer.clone(),
        );
        let config = ConfigDropshot {
            bind_address: address,
            default_request_body_max_bytes: body_limit,
            // A handler must finish its work even if the client disconnects.
            default_handler_task_mode: HandlerTaskMode::Detached,
            ..ConfigDropshot::default()
        };
        ServerBuilder::new(api, context, telemetry::logger())
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
    let sampler = Sampler {
        registry: Arc::clone(&registry),
        draining: draining.clone(),
        spans: traces.as_ref().map(Traces::counts),
    };
    let metrics_server = metrics_address
        .map(|address| metrics_server::start(address, Exposition::new(&metrics, sampler)))
        .transpose()?;
    let writer = LastUsedWriter::start(Arc::clone(&registry), last_used_interval);
    Ok(RunningService {
        http,
        internal,
        metrics_server,
        registry,
        writer,
        draining,
        traces,
        shutdown_drain,
        shutdown_timeout,
    })
}
