//! The generated client and commands, compiled: their warnings are the generator's.

#[path = "cli/src/generated/mod.rs"]
mod commands;
#[path = "client/src/generated/mod.rs"]
pub mod generated;
#[path = "client/src/types/mod.rs"]
pub mod types;

include!("../harness.rs");
