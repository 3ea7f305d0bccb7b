//! The listener for those who run the service: metrics, on an address of its own that callers do not reach.

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

/// Of OpenMetrics 1.0, section "Content Type", which Prometheus reads.
const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Why the listener did not start.
#[derive(Debug, Error)]
pub enum OperationsError {
    /// The path cannot be registered: a fault of ours.
    #[error("the operations' listener: {0}")]
    Registration(#[from] ApiDescriptionRegisterError),
    /// The address cannot be listened on.
    #[error("the operations' listener: {0}{reason}", reason = crate::serve::reason(.0))]
    Listen(#[from] BuildError),
}

/// Starts to answer `GET /metrics`. What is asked here is not logged: it is asked every few seconds.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(address: SocketAddr, exposition: Exposition) -> Result<HttpServer<Exposition>, OperationsError> {
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
