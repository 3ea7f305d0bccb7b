//! Starts the service in process, on the store that a case runs on, and gives clients of it.

pub(crate) mod candidates;
pub(crate) mod cases;
mod clock;
pub(crate) mod collector;
pub(crate) mod coverage;
mod faults;
pub(crate) mod issuer;
pub(crate) mod openapi;
pub(crate) mod polling;
pub(crate) mod postgres;
pub(crate) mod process;
mod raw_client;
pub(crate) mod recorder;
mod service;
pub(crate) mod steps;

pub(crate) use cases::StoreUnderTest;
pub(crate) use faults::{Fault, SECRET_DETAIL};
pub(crate) use raw_client::{Answer, RawClient};
pub(crate) use service::{RETRY_AFTER_SECONDS, Service, Settings};
