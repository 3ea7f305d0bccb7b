//! What dropshot serves.

use http::StatusCode;
use std::fmt;
use std::time::Duration;

use super::cross_origin::AllowedOrigins;

/// Is told of each request of an operation.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// It was answered with this status, so long after its handler began. The operation is named by its `operationId`.
    fn answered(&self, operation: &'static str, status: StatusCode, latency: Duration);
}

/// Nobody looks.
impl Observer for () {
    fn answered(&self, _operation: &'static str, _status: StatusCode, _latency: Duration) {}
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
