//! The in-memory store is the model of the Postgres store: both give the same responses to any sequence of requests.
//!
//! Random sequences of requests go to a server on each store. Whole responses are compared, with generated ids
//! replaced by names. Concurrent requests have to leave Postgres in the state that some order of them produces in
//! memory. proptest shrinks a failing sequence.

mod step;
mod world;

use crate::harness::cases::check;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use libtest_mimic::Trial;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;
use std::future::Future;
use step::{Step, any_step, changing_step};
use world::World;

/// The number of sequences of each kind, unless `PROPTEST_CASES` is set.
const SEQUENCES: u32 = 24;

/// The number of concurrent requests. The model tries every order of them.
const CONCURRENT: usize = 3;

/// The cases of this file, which need both stores.
pub(crate) fn cases() -> Vec<Trial> {
    if !StoreUnderTest::Postgres.is_selected() {
        return Vec::new();
    }
    vec![
        check("model::sequential_requests", || {
            sequential_requests();
            Ok(())
        }),
        check("model::concurrent_requests", || {
            concurrent_requests();
            Ok(())
        }),
    ]
}

fn config() -> Config {
    let asked_for = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    Config {
        cases: asked_for.unwrap_or(SEQUENCES),
        failure_persistence: None,
        ..Config::default()
    }
}

fn run<F: Future<Output = Result<(), String>>>(sequence: F) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(sequence).map_err(TestCaseError::fail);
    runtime.shutdown_background();
    result
}

#[expect(clippy::print_stdout, reason = "how much was compared says what the test is worth")]
fn sequential_requests() {
    let compared = Cell::new(0);
    let sequences = vec(any_step(), 1..32);
    TestRunner::new(config())
        .run(&sequences, |steps| {
            compared.set(compared.get() + steps.len());
            run(compare_in_sequence(steps))
        })
        .unwrap_or_else(|difference| panic!("{difference}"));
    println!(
        "model test: {} sequences, {} responses compared",
        config().cases,
        compared.get()
    );
}

async fn compare_in_sequence(steps: Vec<Step>) -> Result<(), String> {
    let mut memory = World::new(TestServer::start_empty(StoreUnderTest::Memory).await);
    let mut postgres = World::new(TestServer::start_empty(StoreUnderTest::Postgres).await);
    for (number, step) in steps.iter().enumerate() {
        let expected = memory.take(step).await;
        let found = postgres.take(step).await;
        if expected != found {
            return Err(format!(
                "step {number}, {step:?}:\n  memory:   {expected}\n  postgres: {found}"
            ));
        }
    }
    let (expected, found) = (memory.state().await, postgres.state().await);
    if expected != found {
        return Err(format!(
            "in the end:\n  memory:   {expected:#?}\n  postgres: {found:#?}"
        ));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "how much was compared says what the test is worth")]
fn concurrent_requests() {
    let sequences = (vec(any_step(), 0..8), vec(changing_step(), CONCURRENT));
    TestRunner::new(config())
        .run(&sequences, |(before, concurrent)| {
            run(compare_concurrent(before, concurrent))
        })
        .unwrap_or_else(|difference| panic!("{difference}"));
    println!(
        "model test: {} times {CONCURRENT} requests at once compared with every order of them",
        config().cases
    );
}

async fn compare_concurrent(before: Vec<Step>, concurrent: Vec<Step>) -> Result<(), String> {
    let mut postgres = World::new(TestServer::start_empty(StoreUnderTest::Postgres).await);
    for step in &before {
        postgres.take(step).await;
    }
    let replica = postgres.service.replica(Settings::default()).await;
    let services = [&postgres.service, &replica];
    let sent = concurrent
        .iter()
        .zip(services.into_iter().cycle())
        .map(|(step, service)| postgres.send_through(service, step));
    let responses = join_all(sent).await;
    let mut found: Vec<_> = concurrent
        .iter()
        .zip(responses)
        .map(|(step, response)| postgres.learn(step, response))
        .collect();
    found.extend(postgres.state().await);

    let mut possible = Vec::new();
    for order in orders(concurrent.len()) {
        let expected = in_order(&before, &concurrent, &order).await;
        if expected == found {
            return Ok(());
        }
        possible.push(format!("{order:?}: {expected:#?}"));
    }
    Err(format!(
        "no order of the requests explains\n{found:#?}\nbut\n{}",
        possible.join("\n")
    ))
}

/// The responses and the final state of the in-memory store for an order of the requests.
async fn in_order(before: &[Step], concurrent: &[Step], order: &[usize]) -> Vec<String> {
    let mut memory = World::new(TestServer::start_empty(StoreUnderTest::Memory).await);
    for step in before {
        memory.take(step).await;
    }
    let mut responses: Vec<_> = concurrent.iter().map(|_| None).collect();
    for index in order {
        responses[*index] = Some(memory.send_through(&memory.service, &concurrent[*index]).await);
    }
    let mut expected: Vec<_> = concurrent
        .iter()
        .zip(responses)
        .map(|(step, response)| memory.learn(step, response.unwrap()))
        .collect();
    expected.extend(memory.state().await);
    expected
}

/// All orders of the first numbers.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..count {
        orders = orders
            .into_iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    orders
}
