//! The metrics server: `GET /metrics` on a separate address that callers of the API do not reach.

use crate::error_chain::with_causes;
use crate::telemetry::metrics::Exposition;
use dropshot::{
    ApiDescription, ApiDescriptionRegisterError, ApiEndpoint, ApiEndpointVersions, Body, BuildError, ConfigDropshot,
    HttpError, HttpServer, RequestContext, ServerBuilder,
};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use slog::{Discard, Logger};
use std::net::SocketAddr;
use thiserror::Error;

/// The media type of OpenMetrics 1.0, which Prometheus reads.
const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Why the metrics server did not start.
#[derive(Debug, Error)]
pub enum MetricsServerError {
    /// The path cannot be registered, which is a bug.
    #[error("metrics server: {0}")]
    Registration(#[from] ApiDescriptionRegisterError),
    /// The address cannot be listened on.
    #[error("metrics server: {}", with_causes(.0))]
    Listen(#[from] BuildError),
}

/// Starts the metrics server. Its requests are not logged, because Prometheus sends one every few seconds.
pub(super) fn start(address: SocketAddr, exposition: Exposition) -> Result<HttpServer<Exposition>, MetricsServerError> {
    let mut api = ApiDescription::new();
    api.register(ApiEndpoint::new(
        "metrics_get".to_owned(),
        metrics,
        Method::GET,
        "application/json",
        "/metrics",
        ApiEndpointVersions::All,
    ))?;
    let config = ConfigDropshot {
        bind_address: address,
        ..ConfigDropshot::default()
    };
    Ok(ServerBuilder::new(api, exposition, Logger::root(Discard, slog::o!()))
        .config(config)
        .start()?)
}

async fn metrics(context: RequestContext<Exposition>) -> Result<Response<Body>, HttpError> {
    let text = context
        .context()
        .to_text()
        .map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, OPENMETRICS);
    Ok(response)
}
