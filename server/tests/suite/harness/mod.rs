//! Starts the service, in this process or as its binary, and what it needs.

pub(crate) mod audit_log_shape;
pub(crate) mod candidates;
pub(crate) mod cases;
mod clock;
pub(crate) mod collector;
pub(crate) mod coverage;
pub(crate) mod distribution;
pub(crate) mod etcd;
mod faults;
pub(crate) mod issuer;
pub(crate) mod openapi;
pub(crate) mod polling;
pub(crate) mod postgres;
pub(crate) mod process;
mod raw_client;
pub(crate) mod raw_connection;
pub(crate) mod recorder;
pub(crate) mod sql_proxy;
pub(crate) mod steps;
mod test_server;

pub(crate) use cases::StoreUnderTest;
pub(crate) use faults::{Fault, SECRET_DETAIL};
pub(crate) use raw_client::{RawClient, RawResponse};
pub(crate) use test_server::{RETRY_AFTER_SECONDS, Settings, TestServer};
