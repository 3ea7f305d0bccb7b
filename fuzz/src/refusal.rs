//! How a target reports: by a panic, which libFuzzer and the replay both take for a finding.

use std::fmt::Display;

/// The value, which must be there.
#[expect(clippy::panic, reason = "a panic is a fuzz target's report")]
pub(crate) fn expect<T, E: Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
