//! The generated client and commands, compiled: their warnings are the generator's.

#[path = "cli/src/generated/mod.rs"]
mod commands;
#[path = "client/src/generated/mod.rs"]
pub mod generated;
#[path = "client/src/types/mod.rs"]
pub mod types;

include!("../harness.rs");

mod idempotency_key {
    use crate::types::Key;

    pub(crate) const HEADER: &str = "idempotency-key";

    pub(crate) fn of_request(chosen: Option<&Key>) -> String {
        chosen.map_or("new", Key::as_str).to_owned()
    }
}
