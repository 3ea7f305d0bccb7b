//! The program against the real service, over HTTP, on every store.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod audit_export;
mod audit_tail;
mod failures;
mod harness;
mod operations;
mod secrets;
mod shell;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let cases = [
        audit_export::cases(),
        audit_tail::cases(),
        failures::cases(),
        operations::cases(),
        secrets::cases(),
        shell::cases(),
    ];
    let cases = cases.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), cases);
    harness::finish();
    conclusion.exit_code()
}
