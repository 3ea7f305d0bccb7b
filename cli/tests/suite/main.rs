//! The program against the real service, over HTTP, on both stores. `TEST_STORE` limits a run to one store.
#![expect(clippy::unwrap_used, reason = "a failing test panics")]

mod audit_export;
mod audit_tail;
mod failures;
mod harness;
mod login;
mod names;
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
        login::cases(),
        names::cases(),
        operations::cases(),
        secrets::cases(),
        shell::cases(),
    ];
    let cases = cases.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), cases);
    test_support::postgres::shared::finish();
    conclusion.exit_code()
}
