//! The memory store is the model of the Postgres store: whatever is asked in whatever order, both answer alike.
//!
//! Random sequences of requests go to a service on each, and each answer is compared whole, with the ids that a service
//! invents replaced by names. Requests that are sent at once have to leave Postgres as some order of them leaves memory.
//! What differs is shrunk to the fewest requests that still differ.

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

/// Sequences of each kind; `PROPTEST_CASES` asks for more.
const SEQUENCES: u32 = 24;

/// Requests that are sent at once; the model tries every order of them.
const AT_ONCE: usize = 3;

/// The checks of this file.
pub(crate) fn cases() -> Vec<Trial> {
    if !StoreUnderTest::Postgres.is_selected() {
        return Vec::new();
    }
    vec![
        check("model::one_request_after_the_other", || {
            one_request_after_the_other();
            Ok(())
        }),
        check("model::requests_at_once", || {
            requests_at_once();
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
fn one_request_after_the_other() {
    let compared = Cell::new(0);
    let sequences = vec(any_step(), 1..32);
    TestRunner::new(config())
        .run(&sequences, |steps| {
            compared.set(compared.get() + steps.len());
            run(compare_in_sequence(steps))
        })
        .unwrap_or_else(|difference| panic!("{difference}"));
    println!(
        "model test: {} sequences, {} answers compared",
        config().cases,
        compared.get()
    );
}

async fn compare_in_sequence(steps: Vec<Step>) -> Result<(), String> {
    let mut memory = World::new(TestServer::start(StoreUnderTest::Memory).await);
    let mut postgres = World::new(TestServer::start(StoreUnderTest::Postgres).await);
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
fn requests_at_once() {
    let sequences = (vec(any_step(), 0..8), vec(changing_step(), AT_ONCE));
    TestRunner::new(config())
        .run(&sequences, |(before, at_once)| run(compare_at_once(before, at_once)))
        .unwrap_or_else(|difference| panic!("{difference}"));
    println!(
        "model test: {} times {AT_ONCE} requests at once compared with every order of them",
        config().cases
    );
}

async fn compare_at_once(before: Vec<Step>, at_once: Vec<Step>) -> Result<(), String> {
    let mut postgres = World::new(TestServer::start(StoreUnderTest::Postgres).await);
    for step in &before {
        postgres.take(step).await;
    }
    let replica = postgres.service.replica(Settings::default()).await;
    let services = [&postgres.service, &replica];
    let sent = at_once
        .iter()
        .zip(services.into_iter().cycle())
        .map(|(step, service)| postgres.send_through(service, step));
    let answers = join_all(sent).await;
    let mut found: Vec<_> = at_once
        .iter()
        .zip(answers)
        .map(|(step, answer)| postgres.learn(step, answer))
        .collect();
    found.extend(postgres.state().await);

    let mut possible = Vec::new();
    for order in orders(at_once.len()) {
        let expected = in_order(&before, &at_once, &order).await;
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

/// What memory answers when the requests come in an order, and what it holds then.
async fn in_order(before: &[Step], at_once: &[Step], order: &[usize]) -> Vec<String> {
    let mut memory = World::new(TestServer::start(StoreUnderTest::Memory).await);
    for step in before {
        memory.take(step).await;
    }
    let mut answers: Vec<_> = at_once.iter().map(|_| None).collect();
    for index in order {
        answers[*index] = Some(memory.send_through(&memory.service, &at_once[*index]).await);
    }
    let mut expected: Vec<_> = at_once
        .iter()
        .zip(answers)
        .map(|(step, answer)| memory.learn(step, answer.unwrap()))
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
