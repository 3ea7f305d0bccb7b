//! The settings of the running service.

use crate::api::ApiSettings;
use crate::telemetry::traces::TraceSettings;
use std::net::SocketAddr;
use std::time::Duration;
use tenant_registry_contract::http::{AllowedOrigins, Limits};

/// How the service runs.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// The address of the API. Port 0 picks a free port.
    pub bind_address: SocketAddr,
    /// A separate address for the operations under `/v1/internal/`. Without one, `bind_address` serves them too.
    pub internal_address: Option<SocketAddr>,
    /// The address of the metrics server, if there is one.
    pub metrics_address: Option<SocketAddr>,
    /// The limits of a single request.
    pub limits: Limits,
    /// How many connections callers may hold, on the API's addresses together.
    pub max_connections: usize,
    /// How long [`super::RunningService::drain`] takes.
    pub shutdown_drain: Duration,
    /// The maximum duration of [`super::RunningService::shutdown`].
    pub shutdown_timeout: Duration,
    /// How often the `last_used_at` times of API keys are written.
    pub last_used_interval: Duration,
    /// How long the responses to requests with an `Idempotency-Key` are kept.
    pub idempotency_retention: Duration,
    /// The origins whose pages may call the service from a browser.
    pub allowed_origins: AllowedOrigins,
    /// The hosts by which callers may name the service if there is no issuer, in addition to those of this machine.
    pub allowed_hosts: Vec<String>,
    /// Where traces are exported to, if anywhere.
    pub traces: Option<TraceSettings>,
    /// Settings of the API.
    pub api: ApiSettings,
}
