//! The running service: its addresses, and how it stops.

use super::last_used_writer::LastUsedWriter;
use super::removal::Removal;
use crate::domain::Registry;
use crate::domain::error::Failure;
use crate::draining::Draining;
use crate::listener::HttpServer;
use crate::store::Store;
use crate::telemetry::traces::Traces;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};

/// Why the service did not stop cleanly.
#[derive(Debug, Error)]
pub enum ShutdownError {
    /// The shutdown timeout expired. Requests that were still running were cancelled.
    #[error("some requests did not finish within the shutdown timeout and were cancelled")]
    TimedOut,
    /// The HTTP server failed.
    #[error("the HTTP server stopped: {0}")]
    Server(JoinError),
    /// The last use of API keys could not be written.
    #[error("cannot write the last use of API keys: {0}")]
    LastUsed(Failure),
}

/// A service that is serving requests. Dropping it stops it without waiting.
pub struct RunningService<S: Store> {
    pub(super) http: HttpServer,
    pub(super) internal: Option<HttpServer>,
    pub(super) metrics_server: Option<HttpServer>,
    pub(super) registry: Arc<Registry<S>>,
    pub(super) writer: LastUsedWriter,
    pub(super) removal: Removal,
    pub(super) draining: Draining,
    pub(super) traces: Option<Traces>,
    pub(super) shutdown_drain: Duration,
    pub(super) shutdown_timeout: Duration,
}

impl<S: Store> RunningService<S> {
    /// The address of the API, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// The separate address of the operations under `/v1/internal/`, if there is one.
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal.as_ref().map(HttpServer::address)
    }

    /// The address of the metrics server, if there is one.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_server.as_ref().map(HttpServer::address)
    }

    /// Resolves if an HTTP server stops unexpectedly.
    pub async fn ended(&self) {
        let internal = async {
            match &self.internal {
                Some(internal) => internal.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.http.ended() => {}
            () = internal => {}
        }
    }

    /// Makes the readiness probe fail, and serves requests for a while longer, so that load balancers stop sending requests
    /// before connections are refused.
    pub async fn drain(&self) {
        self.draining.begin();
        sleep(self.shutdown_drain).await;
    }

    /// Stops accepting connections, finishes running requests, and writes and exports what is pending.
    ///
    /// # Errors
    /// Returns what did not finish. The service has stopped in any case.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Self {
            http,
            internal,
            // Keep serving metrics until the end of the shutdown.
            metrics_server: _metrics_server,
            registry,
            writer,
            removal,
            draining,
            traces,
            shutdown_drain: _,
            shutdown_timeout,
        } = self;
        let start = Instant::now();
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
            removal.stop().await;
            registry.api_key_uses_write().await.map_err(ShutdownError::LastUsed)
        };
        let finished = timeout(shutdown_timeout, finish).await;
        if let Some(traces) = traces {
            traces.shutdown(shutdown_timeout.saturating_sub(start.elapsed())).await;
        }
        finished.unwrap_or(Err(ShutdownError::TimedOut))
    }
}
