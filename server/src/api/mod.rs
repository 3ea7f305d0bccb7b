//! The generated traits, implemented on the registry: unwrap the request, call the domain, wrap the result.

mod admission;
mod api_keys;
mod audit;
mod catalog;
mod health;
mod idempotency;
pub(crate) mod open_access;
mod projects;
mod responses;
mod tenants;

use crate::auth::Access;
use crate::domain::Registry;
use crate::domain::caller::Caller;
use crate::domain::error::Failure;
use crate::domain::origin::{Origin, TrustedProxies, recorded_user_agent};
use crate::draining::Draining;
use crate::limits::request_rate::{RateLimit, RequestRateLimiter};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::span;
use admission::Resources;
pub use admission::{AdmittedCaller, RequestShare};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tenant_registry_contract::server::{
    KeyedRequest, OperationResponse, Principal, RequestMetadata, RunningRequests, ServerErrorResponse,
};
use tenant_registry_contract::types::RetryAfterSeconds;
use tracing::{error, warn};

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The `Retry-After` of a 503.
    pub retry_after: RetryAfterSeconds,
    /// The rate of requests that each authenticated caller may send.
    pub request_rate: RateLimit,
    /// How many requests may run at the same time. Probes do not count.
    pub max_requests: usize,
    /// How many bytes the bodies of requests and responses may have together. Probes do not count.
    pub max_memory: usize,
}

/// The whole API, on a store of type `S`. Clones share their state, so that each listener gets one.
pub struct RegistryApi<S> {
    registry: Arc<Registry<S>>,
    settings: ApiSettings,
    access: Access,
    request_rate: Arc<RequestRateLimiter>,
    resources: Arc<Resources>,
    running_requests: Arc<RunningRequests>,
    draining: Draining,
    metrics: Metrics,
}

/// Not derived: `S` need not be `Clone`.
impl<S> Clone for RegistryApi<S> {
    fn clone(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            settings: self.settings.clone(),
            access: self.access.clone(),
            request_rate: Arc::clone(&self.request_rate),
            draining: self.draining.clone(),
            metrics: self.metrics.clone(),
            resources: Arc::clone(&self.resources),
            running_requests: Arc::clone(&self.running_requests),
        }
    }
}

impl<S> RegistryApi<S> {
    /// Serves `registry` to the callers that `access` admits. The API is ready until `draining` begins.
    ///
    /// # Errors
    /// Fails if the threads for large bodies cannot be started.
    pub fn new(
        registry: Arc<Registry<S>>,
        settings: ApiSettings,
        access: Access,
        draining: Draining,
        metrics: Metrics,
    ) -> io::Result<Self> {
        Ok(Self {
            registry,
            access,
            request_rate: Arc::new(RequestRateLimiter::new(settings.request_rate)),
            resources: Arc::new(Resources::new(&settings)?),
            running_requests: Arc::default(),
            settings,
            draining,
            metrics,
        })
    }

    fn caller(&self, metadata: &RequestMetadata, principal: &Principal<AdmittedCaller>) -> Caller {
        self.caller_with_key(metadata, principal, None)
    }

    /// The caller of an operation that takes an `Idempotency-Key`.
    fn caller_with_key(
        &self,
        metadata: &RequestMetadata,
        principal: &Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
    ) -> Caller {
        Caller {
            identity: principal.identity.clone(),
            origin: self.origin(metadata),
            keyed,
        }
    }

    fn origin(&self, metadata: &RequestMetadata) -> Origin {
        Origin {
            source_ip: self.source_ip(metadata),
            user_agent: metadata.user_agent.as_deref().map(recorded_user_agent),
        }
    }

    fn source_ip(&self, metadata: &RequestMetadata) -> IpAddr {
        self.settings
            .trusted_proxies
            .source_ip(metadata.peer_address, metadata.forwarded_for.as_deref())
    }

    /// Logs the cause of a failure, and returns a response that does not show it.
    fn failed<R: OperationResponse + From<ServerErrorResponse>>(
        &self,
        metadata: &RequestMetadata,
        failure: Failure,
    ) -> R {
        self.server_error(R::OPERATION, metadata, &failure).into()
    }

    /// Logs the cause of a failure, and returns the response that does not show it.
    fn server_error(
        &self,
        operation: &'static str,
        metadata: &RequestMetadata,
        failure: &Failure,
    ) -> ServerErrorResponse {
        self.record(operation, metadata, failure);
        match failure {
            Failure::Unavailable(_) => ServerErrorResponse::ServiceUnavailable {
                body: responses::unavailable(),
                retry_after: self.settings.retry_after,
            },
            // Not a 503: a caller that retries could make the change twice.
            Failure::OutcomeUnknown(_) => ServerErrorResponse::InternalServerError(responses::outcome_unknown()),
            Failure::Internal(_) => ServerErrorResponse::InternalServerError(responses::internal()),
        }
    }

    /// Logs a failure with its cause, and counts it.
    fn record(&self, operation: &'static str, metadata: &RequestMetadata, failure: &Failure) {
        let (request_id, trace_id) = (&metadata.request_id, span::trace_id());
        let kind = match failure {
            Failure::Unavailable(detail) => {
                warn!(operation, request_id, trace_id, detail = detail.for_log(), "{failure}");
                "unavailable"
            }
            Failure::OutcomeUnknown(detail) => {
                error!(operation, request_id, trace_id, detail = detail.for_log(), "{failure}");
                "outcome_unknown"
            }
            Failure::Internal(detail) => {
                error!(operation, request_id, trace_id, detail = detail.for_log(), "{failure}");
                "internal"
            }
        };
        self.metrics.failed(operation, kind);
    }
}
