//! Reports a violation by a panic, which libFuzzer and the replay both detect.

use std::fmt::Display;

/// Returns the value, or panics.
#[expect(clippy::panic, reason = "a fuzz target reports by a panic")]
pub(crate) fn expect<T, E: Display>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
