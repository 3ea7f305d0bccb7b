//! The generated traits, implemented on the registry: unwrap the request, ask the domain, wrap its answer. No rule
//! stands here.

mod admission;
pub mod answers;
mod api_keys;
mod audit;
mod catalog;
mod health;
mod tenants;

use crate::auth::Access;
use crate::domain::Registry;
use crate::domain::caller::Caller;
use crate::domain::error::Failure;
use crate::domain::origin::{Origin, TrustedProxies};
use crate::draining::Draining;
use crate::limits::request_rate::{RateLimit, RequestRateLimiter};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::span;
pub use admission::AdmittedCaller;
use answers::{Answer, FailureAnswer, Outcome};
use std::sync::Arc;
use tenant_registry_contract::server::{Principal, RequestMetadata};
use tenant_registry_contract::types::RetryAfterSeconds;
use tokio::sync::Semaphore;
use tracing::{debug, error, warn};

/// What the API needs to know besides the rules.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// What a caller is told to wait when the service has no room.
    pub retry_after: RetryAfterSeconds,
    /// How many requests a second each caller may send whose token is asked for.
    pub request_rate: RateLimit,
    /// How many requests run at once; probes do not count.
    pub max_requests: usize,
}

/// The whole API, on a store of type `S`. Clones are the same API, for another listener.
pub struct RegistryApi<S> {
    registry: Arc<Registry<S>>,
    settings: ApiSettings,
    access: Access,
    request_rate: Arc<RequestRateLimiter>,
    /// One for each request that may run.
    places: Arc<Semaphore>,
    draining: Draining,
    metrics: Metrics,
}

/// By hand: a store need not be one that can be cloned.
impl<S> Clone for RegistryApi<S> {
    fn clone(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            settings: self.settings.clone(),
            access: self.access.clone(),
            request_rate: Arc::clone(&self.request_rate),
            draining: self.draining.clone(),
            metrics: self.metrics.clone(),
            places: Arc::clone(&self.places),
        }
    }
}

impl<S> RegistryApi<S> {
    /// The API of a registry for those who are let in, which is ready until `draining` begins, and counts what it does in
    /// `metrics`.
    pub fn new(
        registry: Arc<Registry<S>>,
        settings: ApiSettings,
        access: Access,
        draining: Draining,
        metrics: Metrics,
    ) -> Self {
        Self {
            registry,
            access,
            request_rate: Arc::new(RequestRateLimiter::new(settings.request_rate)),
            places: Arc::new(Semaphore::new(settings.max_requests)),
            settings,
            draining,
            metrics,
        }
    }

    fn caller(&self, metadata: &RequestMetadata, principal: &Principal<AdmittedCaller>) -> Caller {
        Caller {
            identity: principal.identity().identity.clone(),
            origin: self.origin(metadata),
        }
    }

    fn origin(&self, metadata: &RequestMetadata) -> Origin {
        let RequestMetadata {
            request_id: _,
            peer_address,
            forwarded_for,
            user_agent,
        } = metadata;
        Origin {
            source_ip: self
                .settings
                .trusted_proxies
                .source_ip(*peer_address, forwarded_for.as_deref()),
            user_agent: user_agent.clone(),
        }
    }

    /// Puts a failure's cause into the log, and gives the answer that shows none of it.
    fn failed<A: Answer + From<FailureAnswer>>(&self, metadata: &RequestMetadata, failure: Failure) -> A {
        self.record(A::OPERATION, metadata, &failure);
        match failure {
            Failure::Unavailable(_) => FailureAnswer::Unavailable {
                body: answers::unavailable(),
                retry_after: self.settings.retry_after,
            },
            // Not a 503: who takes it for "nothing was done, once more" would do it twice.
            Failure::OutcomeUnknown(_) => FailureAnswer::Internal {
                body: answers::outcome_unknown(),
            },
            Failure::Internal(_) => FailureAnswer::Internal {
                body: answers::internal(),
            },
        }
        .into()
    }

    /// Logs and counts a failure, with its cause.
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

/// Every answer of every operation passes here.
fn answered<A: Answer>(metadata: &RequestMetadata, answer: A) -> A {
    let (operation, request_id) = (A::OPERATION, &metadata.request_id);
    let outcome = match answer.outcome() {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    };
    debug!(
        operation,
        request_id,
        trace_id = span::trace_id(),
        outcome,
        "operation answered"
    );
    answer
}
