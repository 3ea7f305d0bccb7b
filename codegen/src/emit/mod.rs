//! Emits Rust code from the model: one module for each part of the generated code.

mod admission;
pub(crate) mod cli;
pub(crate) mod contract;
mod entity_tag;
mod generic;
pub(crate) mod http;
mod idempotency;
pub(crate) mod rust;
pub(crate) mod server;
pub(crate) mod template;
pub(crate) mod types;
