//! The metrics server: `GET /metrics` on a separate address that callers of the API do not reach.

use crate::listener::{HttpServer, ListenError, Listener};
use crate::telemetry::metrics::Exposition;
use dropshot::Body;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_contract::types::{Error, ErrorCode};
use tokio::sync::Semaphore;
use tracing::error;

/// The media type of OpenMetrics 1.0, which Prometheus reads.
const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How many connections are served at the same time.
const MAX_CONNECTIONS: usize = 32;

/// How long Prometheus may take to receive a response.
const RESPONSE_TIME: Duration = Duration::from_secs(30);

/// Starts the metrics server. Its requests are not logged, because Prometheus sends one every few seconds.
pub(super) fn start(address: SocketAddr, exposition: Exposition) -> Result<HttpServer, ListenError> {
    let exposition = Arc::new(exposition);
    let respond = move |_, request: Request<Body>| ready(response(&exposition, &request));
    Ok(Listener::bind(address)?.serve(Arc::new(Semaphore::new(MAX_CONNECTIONS)), RESPONSE_TIME, respond))
}

fn response(exposition: &Exposition, request: &Request<Body>) -> Response<Body> {
    let mut response = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => match exposition.to_text() {
            Ok(text) => with_content_type(StatusCode::OK, text, OPENMETRICS),
            Err(cause) => {
                error!("cannot write the metrics: {cause}");
                let message = "the metrics cannot be written; the log has the cause";
                rejected(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message)
            }
        },
        ("/metrics", _) => {
            let message = "this path supports only GET, HEAD";
            let mut response = rejected(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        _ => rejected(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "there is nothing at this path",
        ),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn rejected(status: StatusCode, error: ErrorCode, message: &str) -> Response<Body> {
    let error = Error {
        error,
        message: message.to_owned(),
        errors: None,
    };
    // An error has only text, which can always be serialized.
    let text = serde_json::to_string(&error).unwrap_or_default();
    with_content_type(status, text, HeaderValue::from_static("application/json"))
}

fn with_content_type(status: StatusCode, text: String, content_type: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
