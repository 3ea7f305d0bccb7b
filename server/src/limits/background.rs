//! Threads for work that occupies a processor.

use std::io;
use std::panic::resume_unwind;
use tokio::runtime::{Builder, Runtime};

/// The nice value of the threads. Small requests run first, even if there are fewer processors than threads.
const NICENESS: i32 = 10;

/// Threads that run behind all others of the service, but those that hash.
#[derive(Debug)]
pub(crate) struct Background {
    /// `None` only while this value is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    /// Starts this many threads.
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("background")
            .on_thread_start(|| {
                // On Linux this applies to the current thread. If it fails, the thread keeps the normal priority.
                let _ = rustix::process::setpriority_process(None, NICENESS);
            })
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs work that does not wait for anything.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let Some(runtime) = &self.runtime else {
            return work();
        };
        match runtime.spawn(async { work() }).await {
            Ok(result) => result,
            // Work is never cancelled while there is a reference to the runtime.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Background {
    /// A runtime must not wait for its threads when it is dropped on a thread of another one.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Background, NICENESS};
    use futures_util::FutureExt;
    use std::panic::AssertUnwindSafe;

    #[tokio::test]
    async fn work_runs_with_a_low_priority() {
        let background = Background::start(1).unwrap();
        let priority = background.run(|| rustix::process::getpriority_process(None)).await;
        assert_eq!(priority, Ok(NICENESS));
    }

    #[tokio::test]
    async fn a_panic_ends_the_request_that_caused_it_and_no_other() {
        let background = Background::start(1).unwrap();
        let panicking = AssertUnwindSafe(background.run(|| panic!("expected")));
        assert!(panicking.catch_unwind().await.is_err());
        assert_eq!(background.run(|| 1).await, 1);
    }
}
