//! What dropshot serves.

use super::cross_origin::AllowedOrigins;

/// An implementation of the API, and what its callers are told besides: the context of every request.
#[derive(Debug)]
pub struct Service<A> {
    pub(super) implementation: A,
    pub(super) allowed_origins: AllowedOrigins,
}

impl<A> Service<A> {
    /// Serves the implementation, also to the pages of these origins.
    pub fn new(implementation: A, allowed_origins: AllowedOrigins) -> Self {
        Self { implementation, allowed_origins }
    }

    /// Whose pages may call the service.
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }
}
