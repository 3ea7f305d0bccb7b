//! Cases: each runs on every store, with a service of its own, under a name that says which.

use libtest_mimic::{Failed, Trial};
use std::fmt;
use std::future::Future;

/// A store that the service is run on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreUnderTest {
    Memory,
    Postgres,
}

impl StoreUnderTest {
    pub(crate) const ALL: [Self; 2] = [Self::Memory, Self::Postgres];
}

impl fmt::Display for StoreUnderTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Postgres => "postgres",
        })
    }
}

/// Lists the cases of a file; one that is left out is dead code, which the compiler reports.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        /// The cases of this file, on one store.
        pub(crate) fn cases(store: $crate::harness::StoreUnderTest) -> Vec<libtest_mimic::Trial> {
            let file = module_path!().trim_start_matches(concat!(env!("CARGO_CRATE_NAME"), "::"));
            vec![$($crate::harness::cases::case(store, file, stringify!($case), $case)),+]
        }
    };
}
pub(crate) use cases;

/// Lists the cases of a file about the binary, which picks its store itself.
macro_rules! process_cases {
    ($($case:ident),+ $(,)?) => {
        /// The cases of this file.
        pub(crate) fn cases() -> Vec<libtest_mimic::Trial> {
            let file = module_path!().trim_start_matches(concat!(env!("CARGO_CRATE_NAME"), "::"));
            vec![$($crate::harness::cases::process_case(file, stringify!($case), $case)),+]
        }
    };
}
pub(crate) use process_cases;

/// A case that gets the store and starts the service as it needs it.
pub(crate) fn case<F: Future<Output = ()>>(
    store: StoreUnderTest,
    file: &str,
    name: &str,
    run: impl FnOnce(StoreUnderTest) -> F + Send + 'static,
) -> Trial {
    Trial::test(format!("{store}::{file}::{name}"), move || {
        block_on(run(store));
        Ok(())
    })
}

/// A case that starts the binary as it needs it.
pub(crate) fn process_case<F: Future<Output = ()>>(
    file: &str,
    name: &str,
    run: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    Trial::test(format!("{file}::{name}"), move || {
        block_on(run());
        Ok(())
    })
}

/// Panics are how a case fails; libtest-mimic catches them.
fn block_on(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(case);
    // What a detached handler still does is not waited for.
    runtime.shutdown_background();
}

/// A check that needs no service.
pub(crate) fn check(name: &str, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, run)
}
