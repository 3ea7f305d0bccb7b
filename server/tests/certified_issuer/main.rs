//! The suite's cases of authentication against a certified OpenID provider (npm's `oidc-provider`).
//!
//! `cargo test` does not run this target, since it needs Node.js. `make ci` does, after it has installed the provider.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test panics"
)]

#[path = "../suite/authentication.rs"]
mod authentication;

#[allow(dead_code, unused_imports, unused_macros, reason = "the suite uses the rest")]
mod harness;

use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if let Err(reason) = harness::issuer::start() {
        eprintln!("error: {reason}");
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&arguments, authentication::cases()).exit_code()
}
