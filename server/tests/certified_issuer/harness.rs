//! The harness of the suite, with another issuer.

#[path = "../suite/harness/cases.rs"]
pub(crate) mod cases;
#[path = "issuer.rs"]
pub(crate) mod issuer;
#[path = "../suite/harness/polling.rs"]
pub(crate) mod polling;
#[path = "../suite/harness/process.rs"]
pub(crate) mod process;
#[path = "../suite/harness/raw_client.rs"]
mod raw_client;

pub(crate) use cases::StoreUnderTest;
pub(crate) use raw_client::{RawClient, RawResponse};
