//! The service of the Tenant Registry, which implements the generated contract.
//!
//! The generated HTTP layer calls the trait methods in [`api`]. They call the rules in [`domain`], which read and write
//! through the traits of [`store`].

pub mod api;
pub mod api_key_hash;
pub mod auth;
pub mod catalog_file;
pub mod configuration;
pub mod core_dumps;
mod digest_cache;
pub mod documentation;
pub mod domain;
pub mod draining;
mod error_chain;
mod invisible;
pub mod limits;
mod listener;
pub mod name;
pub mod records;
pub mod serve;
pub mod store;
pub mod telemetry;
