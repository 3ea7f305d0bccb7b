//! The context of every request: the implementation, its limits and its observer.

use dropshot::{Body, HttpError, RequestInfo};
use http::{HeaderMap, Response, StatusCode};
use opentelemetry::Context;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cross_origin::AllowedOrigins;
use crate::types::Error;

/// A request, as an [`Observer`] sees it.
#[derive(Debug)]
pub struct ObservedRequest<'a> {
    /// The `operationId`; `None` if the request is for no operation, or was rejected before an operation was
    /// chosen.
    pub operation: Option<&'static str>,
    /// The id that the response carries as `x-request-id`.
    pub id: &'a str,
    /// The request without its body.
    pub head: &'a RequestInfo,
}

/// A response, as an [`Observer`] sees it.
#[derive(Debug)]
pub struct ObservedResponse<'a> {
    /// The status.
    pub status: StatusCode,
    /// The time since the handler started.
    pub latency: Duration,
    /// Why the intended response could not be serialized. The caller does not see it.
    pub fault: Option<&'a str>,
}

/// Is called for each request.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Called before a request is handled. The request is handled in the context returned, which carries its trace.
    fn on_request(&self, request: &ObservedRequest<'_>) -> Context;
    /// Called when the response is complete.
    fn on_response(&self, request: &ObservedRequest<'_>, context: &Context, response: &ObservedResponse<'_>);
}

/// Observes nothing.
impl Observer for () {
    fn on_request(&self, _request: &ObservedRequest<'_>) -> Context {
        Context::new()
    }

    fn on_response(&self, _request: &ObservedRequest<'_>, _context: &Context, _response: &ObservedResponse<'_>) {}
}

/// The limits of a single request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum size of a body in bytes. A larger one gets 413.
    pub body_size: usize,
    /// How long reading a body may take. A slower request gets 400.
    pub body_time: Duration,
}

/// Resources beside the operations, such as the documents. They support GET and HEAD.
pub trait Resources: fmt::Debug + Send + Sync + 'static {
    /// The response to GET for a path and the headers of the request; `None` if there is nothing at the path.
    fn get(&self, path: &str, request: &HeaderMap) -> Option<Result<Response<Body>, HttpError>>;
}

/// No resources.
impl Resources for () {
    fn get(&self, _path: &str, _request: &HeaderMap) -> Option<Result<Response<Body>, HttpError>> {
        None
    }
}

/// Rejects requests before an operation is chosen.
pub trait RequestPolicy: fmt::Debug + Send + Sync + 'static {
    /// Whether a body needs a `Content-Type`. If not, a body without one is taken as JSON.
    fn requires_content_type(&self) -> bool {
        false
    }

    /// Checks a request without its body.
    ///
    /// # Errors
    ///
    /// Returns the response to a request that is rejected.
    fn check(&self, request: &RequestInfo) -> Result<(), (StatusCode, Error)>;
}

/// Rejects nothing.
impl RequestPolicy for () {
    fn check(&self, _request: &RequestInfo) -> Result<(), (StatusCode, Error)> {
        Ok(())
    }
}

/// An implementation of the API, and the settings of the HTTP layer.
#[derive(Debug)]
pub struct ServerContext<A> {
    pub(super) implementation: A,
    pub(super) limits: Limits,
    pub(super) allowed_origins: AllowedOrigins,
    pub(super) observer: Box<dyn Observer>,
    pub(super) resources: Box<dyn Resources>,
    pub(super) policy: Box<dyn RequestPolicy>,
    pub(super) is_served: fn(&str) -> bool,
}

impl<A> ServerContext<A> {
    /// Serves the implementation within the limits, also to pages of the allowed origins, and reports each request to the
    /// observer.
    pub fn new(
        implementation: A,
        limits: Limits,
        allowed_origins: AllowedOrigins,
        observer: impl Observer,
    ) -> Self {
        Self {
            implementation,
            limits,
            allowed_origins,
            observer: Box::new(observer),
            resources: Box::new(()),
            policy: Box::new(()),
            is_served: |_| true,
        }
    }

    /// Also serves these resources.
    #[must_use]
    pub fn with_resources(self, resources: impl Resources) -> Self {
        Self { resources: Box::new(resources), ..self }
    }

    /// Rejects what the policy rejects.
    #[must_use]
    pub fn with_policy(self, policy: impl RequestPolicy) -> Self {
        Self { policy: Box::new(policy), ..self }
    }

    /// Serves only the paths, as the spec writes them, for which `is_served` returns `true`.
    #[must_use]
    pub fn serving(self, is_served: fn(&str) -> bool) -> Self {
        Self { is_served, ..self }
    }

    /// The limits of a request.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The implementation of the API.
    pub fn implementation(&self) -> &A {
        &self.implementation
    }
}

/// A request that is being handled. Its body is passed beside it.
#[derive(Debug)]
pub(super) struct RequestContext<C> {
    pub(super) server: Arc<C>,
    /// The id that the response carries as `x-request-id`.
    pub(super) request_id: String,
    /// The request without its body.
    pub(super) request: RequestInfo,
}

impl<C> RequestContext<C> {
    pub(super) fn context(&self) -> &C {
        &self.server
    }
}
