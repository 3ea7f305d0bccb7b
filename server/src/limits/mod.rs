//! Limits on what callers can use: requests per second, and connections.

pub mod descriptors;
mod keyed_limiter;
pub mod request_rate;

pub(crate) use keyed_limiter::KeyedLimiter;
