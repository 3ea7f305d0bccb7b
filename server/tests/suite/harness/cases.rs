//! How cases are listed, selected by store and timed.

use libtest_mimic::{Failed, Trial};
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub(crate) use test_support::StoreUnderTest;

/// How many of the slowest cases a run reports.
const SLOWEST: usize = 8;

/// The duration of each case so far.
static DURATIONS: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// Lists the cases of a file that run on each store. The compiler reports a case that is not listed as dead code.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        /// The cases of this file on one store.
        pub(crate) fn cases(store: $crate::harness::StoreUnderTest) -> Vec<libtest_mimic::Trial> {
            let file = module_path!().trim_start_matches(concat!(env!("CARGO_CRATE_NAME"), "::"));
            vec![$($crate::harness::cases::case(store, file, stringify!($case), $case)),+]
        }
    };
}
pub(crate) use cases;

/// Lists the cases of a file that start the service process, and choose its store themselves. Cases after `postgres:`
/// need Postgres.
macro_rules! process_cases {
    ($($case:ident),* $(,)? $(; postgres: $($on_postgres:ident),+ $(,)?)?) => {
        /// The cases of this file.
        pub(crate) fn cases() -> Vec<libtest_mimic::Trial> {
            let file = module_path!().trim_start_matches(concat!(env!("CARGO_CRATE_NAME"), "::"));
            #[allow(unused_mut, reason = "some files have no case that needs Postgres")]
            let mut cases = vec![$($crate::harness::cases::process_case(file, stringify!($case), $case)),*];
            $(if $crate::harness::StoreUnderTest::Postgres.is_selected() {
                cases.extend([$(
                    $crate::harness::cases::process_case(file, stringify!($on_postgres), $on_postgres)
                ),+]);
            })?
            cases
        }
    };
}
pub(crate) use process_cases;

/// A case that gets a store and starts the service on it.
pub(crate) fn case<F: Future<Output = ()>>(
    store: StoreUnderTest,
    file: &str,
    name: &str,
    run: impl FnOnce(StoreUnderTest) -> F + Send + 'static,
) -> Trial {
    check(&format!("{store}::{file}::{name}"), move || {
        block_on(run(store));
        Ok(())
    })
}

/// A case that starts the service process.
pub(crate) fn process_case<F: Future<Output = ()>>(
    file: &str,
    name: &str,
    run: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    check(&format!("{file}::{name}"), move || {
        block_on(run());
        Ok(())
    })
}

/// A case fails by a panic, which libtest-mimic catches.
fn block_on(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(case);
    // Detached handlers may still run; the next case does not wait for them.
    runtime.shutdown_background();
}

/// A case that needs no runtime.
pub(crate) fn check(name: &str, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let timed = name.to_owned();
    Trial::test(name, move || {
        let start = Instant::now();
        let result = run();
        DURATIONS.lock().unwrap().push((timed, start.elapsed()));
        result
    })
}

/// Prints the slowest cases.
#[expect(clippy::print_stdout, reason = "a slow suite should say why")]
pub(crate) fn report_durations() {
    let mut durations = std::mem::take(&mut *DURATIONS.lock().unwrap());
    durations.sort_by_key(|(_, duration)| std::cmp::Reverse(*duration));
    let slowest = durations.iter().take(SLOWEST);
    let lines: Vec<_> = slowest
        .map(|(name, duration)| format!("{:6.1} s  {name}", duration.as_secs_f64()))
        .collect();
    println!("slowest cases:\n{}", lines.join("\n"));
}
