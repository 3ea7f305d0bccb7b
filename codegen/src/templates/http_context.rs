//! The context of every request: the implementation, its limits and its observer.

use dropshot::RequestInfo;
use http::StatusCode;
use opentelemetry::Context;
use std::fmt;
use std::time::Duration;

use super::cross_origin::AllowedOrigins;

/// A request, as an [`Observer`] sees it.
#[derive(Debug)]
pub struct ObservedRequest<'a> {
    /// The `operationId`; `None` for a document or a method that the path does not support.
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

/// Is called for each request that a route handles.
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
    /// How long reading a body may take. A slower request gets 400.
    pub body_time: Duration,
}

/// An implementation of the API, and the settings of the HTTP layer. dropshot passes it to every handler.
#[derive(Debug)]
pub struct ServerContext<A> {
    pub(super) implementation: A,
    pub(super) limits: Limits,
    pub(super) allowed_origins: AllowedOrigins,
    pub(super) observer: Box<dyn Observer>,
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
        Self { implementation, limits, allowed_origins, observer: Box::new(observer) }
    }

    /// The implementation of the API.
    pub fn implementation(&self) -> &A {
        &self.implementation
    }

    /// The limits of a request.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The origins whose pages may call the service.
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }
}
