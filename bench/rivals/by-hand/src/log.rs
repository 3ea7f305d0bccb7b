//! The log: a line of JSON for each request, on standard error.

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::info;
use uuid::Uuid;

pub fn start() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(io::stderr)
        .init();
}

/// Logs a request, and gives it an id that its response has too.
pub async fn log_request(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let request_id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    info!(
        request_id,
        %method,
        %uri,
        status = response.status().as_u16(),
        latency_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        %peer,
        "request completed"
    );
    response
}
