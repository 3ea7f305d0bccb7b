//! What the tests share: throw-away Postgres clusters, the service as a process, and an issuer of tokens.

#[cfg(feature = "issuer")]
pub mod issuer;
pub mod postgres;
mod processes;
mod service_process;
mod store_under_test;

pub use service_process::{Ended, Log, ServiceError, ServiceProcess};
pub use store_under_test::StoreUnderTest;

use std::time::Duration;

/// How long tests wait for something that should happen soon; long enough for a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);
