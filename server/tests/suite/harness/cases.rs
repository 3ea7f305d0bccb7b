//! How cases are listed, selected by store and timed.

use libtest_mimic::{Failed, Trial};
use std::fmt;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The environment variable that limits a run to one store.
const SELECTION: &str = "TEST_STORE";

/// How many of the slowest cases a run reports.
const SLOWEST: usize = 8;

/// The duration of each case so far.
static DURATIONS: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// A store that the service runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreUnderTest {
    Memory,
    Postgres,
}

impl StoreUnderTest {
    /// The stores of this run: both, or the one that `TEST_STORE` names. Without Postgres, a run includes no case that
    /// needs it.
    pub(crate) fn selected() -> Vec<Self> {
        match std::env::var(SELECTION).unwrap_or_default().as_str() {
            "" | "both" => vec![Self::Memory, Self::Postgres],
            "memory" => vec![Self::Memory],
            "postgres" => vec![Self::Postgres],
            other => panic!("{SELECTION} must be `memory`, `postgres` or `both`, not `{other}`"),
        }
    }

    pub(crate) fn is_selected(self) -> bool {
        Self::selected().contains(&self)
    }
}

impl fmt::Display for StoreUnderTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Postgres => "postgres",
        })
    }
}

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
