//! What dropshot serves.

use dropshot::RequestInfo;
use http::StatusCode;
use opentelemetry::Context;
use std::fmt;
use std::time::Duration;

use super::cross_origin::AllowedOrigins;

/// A request that a route of the service took.
#[derive(Debug)]
pub struct ObservedRequest<'a> {
    /// The `operationId`. What is answered beside the operations has none: a document, or a method that a path has not.
    pub operation: Option<&'static str>,
    /// The id that the response carries as `x-request-id`.
    pub id: &'a str,
    /// All of it but the body.
    pub head: &'a RequestInfo,
}

/// How a request was answered.
#[derive(Debug)]
pub struct ObservedAnswer<'a> {
    /// The status that was sent.
    pub status: StatusCode,
    /// How long after the handler began.
    pub latency: Duration,
    /// Why the answer that was meant could not be written; the caller is not told.
    pub fault: Option<&'a str>,
}

/// Sees each request that a route takes.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A request came. What is done for it is done in this context, where it finds the trace that it is a part of.
    fn came(&self, request: &ObservedRequest<'_>) -> Context;
    /// It was answered.
    fn answered(&self, request: &ObservedRequest<'_>, context: &Context, answer: &ObservedAnswer<'_>);
}

/// Nobody looks.
impl Observer for () {
    fn came(&self, _request: &ObservedRequest<'_>) -> Context {
        Context::new()
    }

    fn answered(&self, _request: &ObservedRequest<'_>, _context: &Context, _answer: &ObservedAnswer<'_>) {}
}

/// What a single request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most time from the first look at a body until all of it is there. Who needs longer is answered 400.
    pub body_time: Duration,
}

/// An implementation of the API, and what its callers are told besides: the context of every request.
#[derive(Debug)]
pub struct Service<A> {
    pub(super) implementation: A,
    pub(super) limits: Limits,
    pub(super) allowed_origins: AllowedOrigins,
    pub(super) observer: Box<dyn Observer>,
}

impl<A> Service<A> {
    /// Serves the implementation within limits, also to the pages of these origins, before the eyes of an observer.
    pub fn new(
        implementation: A,
        limits: Limits,
        allowed_origins: AllowedOrigins,
        observer: impl Observer,
    ) -> Self {
        Self { implementation, limits, allowed_origins, observer: Box::new(observer) }
    }

    /// What is served.
    pub fn implementation(&self) -> &A {
        &self.implementation
    }

    /// What a request may take.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whose pages may call the service.
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }
}
