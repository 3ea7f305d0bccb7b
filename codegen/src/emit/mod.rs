//! From the model to Rust: one emitter for each part of `generated/`.

mod admission;
pub(crate) mod cli;
mod generic;
pub(crate) mod http;
mod rust;
pub(crate) mod server;
mod template;
pub(crate) mod types;
