//! The behaviour of the service through HTTP, on every store; and that all of it is as the spec declares.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod activation;
mod admission;
mod api_keys;
mod audit;
mod audit_appending;
mod audit_pages;
mod authentication;
mod boundaries;
mod cancellation;
mod catalog;
mod constraints;
mod contract;
mod cross_origin;
mod database;
mod database_tls;
mod database_troubles;
mod documentation;
mod entitlements;
mod failures;
mod faults;
mod harness;
mod health;
mod invalid_bodies;
mod invalid_requests;
mod limits;
mod logs;
mod metrics;
mod model;
mod negotiation;
mod plans;
mod process;
mod races;
mod secrecy;
mod tenants;
mod traces;
mod verification;
mod verification_load;

use harness::cases::check;
use harness::coverage::Coverage;
use harness::openapi::SPEC;
use harness::{StoreUnderTest, recorder};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = libtest_mimic::run(&arguments, all_cases());
    harness::postgres::finish();
    // One at a time: each has the machine to itself, so that its seconds mean something.
    let one_at_a_time = Arguments {
        test_threads: Some(1),
        ..arguments.clone()
    };
    let faults = libtest_mimic::run(&one_at_a_time, faults::cases());
    faults::report();
    // Only now has everything been exchanged. A run of some cases by name leaves the gate out by its name.
    let gate = libtest_mimic::run(&arguments, vec![check("coverage_gate", coverage_gate)]);
    if cases.has_failed() || faults.has_failed() || gate.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn all_cases() -> Vec<Trial> {
    let on_stores = StoreUnderTest::ALL.into_iter().flat_map(cases);
    on_stores
        .chain(process::cases())
        .chain(authentication::cases())
        .chain(limits::cases())
        .chain(logs::cases())
        .chain(metrics::cases())
        .chain(documentation::cases())
        .chain(plans::cases())
        .chain(database::cases())
        .chain(database_tls::cases())
        .chain(database_troubles::cases())
        .chain(constraints::cases())
        .chain(model::cases())
        .chain(contract::cases())
        .collect()
}

fn cases(store: StoreUnderTest) -> Vec<Trial> {
    [
        activation::cases,
        admission::cases,
        api_keys::cases,
        audit::cases,
        audit_appending::cases,
        audit_pages::cases,
        boundaries::cases,
        cancellation::cases,
        catalog::cases,
        cross_origin::cases,
        entitlements::cases,
        failures::cases,
        health::cases,
        invalid_bodies::cases,
        invalid_requests::cases,
        negotiation::cases,
        races::cases,
        secrecy::cases,
        tenants::cases,
        traces::cases,
        verification::cases,
        verification_load::cases,
    ]
    .into_iter()
    .flat_map(|cases| cases(store))
    .collect()
}

#[expect(clippy::print_stdout, reason = "the count is what the gate is for")]
fn coverage_gate() -> Result<(), libtest_mimic::Failed> {
    let coverage = Coverage::of(&SPEC, &recorder::exchanges());
    println!("coverage gate: {coverage}");
    if coverage.complaints.is_empty() {
        return Ok(());
    }
    let complaints: Vec<_> = coverage.complaints.into_iter().collect();
    Err(complaints.join("\n").into())
}
