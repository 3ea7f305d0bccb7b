//! The Tenant Registry's service: an implementation of the generated contract.
//!
//! The way of a request: the generated HTTP layer calls a trait method in [`api`], which unwraps the request and asks
//! [`domain`], where each rule stands once; the rules read and write through the traits of [`store`].

pub mod api;
pub mod api_key_hash;
pub mod auth;
pub mod catalog_file;
mod cause;
pub mod configuration;
pub mod descriptors;
pub mod documentation;
pub mod domain;
pub mod draining;
mod keyed_memory;
pub mod operations;
pub mod records;
pub mod request_rate;
pub mod serve;
pub mod store;
pub mod telemetry;
