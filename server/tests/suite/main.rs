//! The behaviour of the service over HTTP, on both stores. The coverage gate then checks that the suite has seen every
//! response that the spec declares, and no other.
//!
//! `TEST_STORE=memory` leaves out all cases that need Postgres. The gate loses nothing by that: every declared response
//! can be seen on the in-memory store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test panics"
)]

mod activation;
mod admission;
mod api_key_pages;
mod api_keys;
mod archiving;
mod audit;
mod audit_appending;
mod audit_batches;
mod audit_pages;
mod authentication;
mod boundaries;
mod bounds;
mod cancellation;
mod catalog;
mod conditions;
mod constraints;
mod contract;
mod cross_origin;
mod database;
mod database_preconditions;
mod database_roles;
mod database_tls;
mod database_troubles;
mod deletion;
mod digests;
mod distributing;
mod documentation;
mod entitlement_changes;
mod entitlements;
mod examples;
mod failures;
mod faults;
mod harness;
mod health;
mod http;
mod idempotency;
mod introduction;
mod invalid_bodies;
mod invalid_requests;
mod limits;
mod logs;
mod metrics;
mod model;
mod negotiation;
mod old_rows;
mod open_access;
mod plans;
mod primary_lease;
mod process;
mod project_pages;
mod projects;
mod races;
mod replicas;
mod row_security;
mod secrecy;
mod shares;
mod standbys;
mod tenant_pages;
mod tenant_updates;
mod tenant_words;
mod tenants;
mod traces;
mod verification;
mod verification_load;

use harness::audit_log_shape;
use harness::cases::check;
use harness::coverage::Coverage;
use harness::openapi::SPEC;
use harness::{StoreUnderTest, recorder};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = libtest_mimic::run(&arguments, audit_log_shape::applicable(all_cases()));
    harness::postgres::finish();
    // One at a time, since they measure how long the service is unavailable.
    let one_at_a_time = Arguments {
        test_threads: Some(1),
        ..arguments.clone()
    };
    let faults = libtest_mimic::run(&one_at_a_time, faults::cases());
    faults::report();
    // The gate comes last, since it checks the exchanges of all cases. A filter by name leaves it out.
    let gate = libtest_mimic::run(&arguments, vec![check("coverage_gate", coverage_gate)]);
    harness::cases::report_durations();
    if cases.has_failed() || faults.has_failed() || gate.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn all_cases() -> Vec<Trial> {
    let on_stores = StoreUnderTest::selected().into_iter().flat_map(cases);
    on_stores
        .chain(process::cases())
        .chain(authentication::cases())
        .chain(limits::cases())
        .chain(logs::cases())
        .chain(metrics::cases())
        .chain(documentation::cases())
        .chain(examples::cases())
        .chain(plans::cases())
        .chain(primary_lease::cases())
        .chain(standbys::cases())
        .chain(row_security::cases())
        .chain(database::cases())
        .chain(database_preconditions::cases())
        .chain(database_roles::cases())
        .chain(database_tls::cases())
        .chain(database_troubles::cases())
        .chain(deletion::process_cases())
        .chain(distributing::cases())
        .chain(idempotency::process_cases())
        .chain(constraints::cases())
        .chain(tenant_words::cases())
        .chain(old_rows::cases())
        .chain(model::cases())
        .chain(contract::cases())
        .collect()
}

fn cases(store: StoreUnderTest) -> Vec<Trial> {
    [
        activation::cases,
        admission::cases,
        api_key_pages::cases,
        api_keys::cases,
        archiving::cases,
        audit::cases,
        audit_appending::cases,
        audit_batches::cases,
        audit_pages::cases,
        boundaries::cases,
        bounds::cases,
        cancellation::cases,
        catalog::cases,
        conditions::cases,
        cross_origin::cases,
        deletion::cases,
        digests::cases,
        entitlement_changes::cases,
        entitlements::cases,
        failures::cases,
        health::cases,
        http::cases,
        idempotency::cases,
        introduction::cases,
        invalid_bodies::cases,
        invalid_requests::cases,
        negotiation::cases,
        open_access::cases,
        project_pages::cases,
        projects::cases,
        races::cases,
        replicas::cases,
        secrecy::cases,
        shares::cases,
        tenant_pages::cases,
        tenant_updates::cases,
        tenants::cases,
        traces::cases,
        verification::cases,
        verification_load::cases,
    ]
    .into_iter()
    .flat_map(|cases| cases(store))
    .collect()
}

#[expect(clippy::print_stdout, reason = "shows what was checked")]
fn coverage_gate() -> Result<(), libtest_mimic::Failed> {
    let coverage = Coverage::new(&SPEC, &recorder::exchanges());
    println!("coverage gate: {coverage}");
    if coverage.complaints.is_empty() {
        return Ok(());
    }
    let complaints: Vec<_> = coverage.complaints.into_iter().collect();
    Err(complaints.join("\n").into())
}
