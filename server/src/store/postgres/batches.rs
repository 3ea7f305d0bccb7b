//! Requests of many callers, processed in batches. A request that finds the database idle goes straight to it, in the task of
//! its caller. Requests that arrive while it is busy share the next statement.

use super::error::DbError;
use crate::store::StoreError;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Requests that may wait for the next batch. Requests beyond this limit fail with [`DbError::Unavailable`].
const MAX_WAITING: usize = 4_096;

/// Accepts requests and processes them in batches.
pub(super) struct Batches<Request: Send + 'static, Response: Send + 'static>(Arc<Shared<Request, Response>>);

struct Shared<Request, Response> {
    state: Mutex<State<Request, Response>>,
    /// Maximum number of batches that are processed at the same time.
    max_running: usize,
    /// Maximum number of requests in a batch.
    batch_max: usize,
    serve: Box<Serve<Request, Response>>,
    runtime: Handle,
}

struct State<Request, Response> {
    running: usize,
    /// Empty if no batch is running.
    waiting: VecDeque<BatchedRequest<Request, Response>>,
}

type Batch<Request, Response> = Vec<BatchedRequest<Request, Response>>;

type Serve<Request, Response> = dyn Fn(Batch<Request, Response>) -> Serving + Send + Sync;

/// The processing of a batch.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A request in a batch.
pub(super) struct BatchedRequest<Request, Response> {
    pub(super) request: Request,
    responder: Responder<Response>,
}

impl<Request, Response> BatchedRequest<Request, Response> {
    pub(super) fn into_parts(self) -> (Request, Responder<Response>) {
        (self.request, self.responder)
    }
}

/// Sends the response to the caller of a request.
pub(super) struct Responder<Response>(oneshot::Sender<Result<Response, StoreError>>);

impl<Response> Responder<Response> {
    pub(super) fn respond(self, response: Result<Response, StoreError>) {
        // The caller may have gone away.
        let _ = self.0.send(response);
    }
}

impl<Request: Send + 'static, Response: Send + 'static> Batches<Request, Response> {
    /// Passes batches of up to `batch_max` requests to `serve`, at most `max_running` at the same time.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn new<F, Served>(max_running: usize, batch_max: usize, serve: F) -> Self
    where
        F: Fn(Batch<Request, Response>) -> Served + Send + Sync + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                running: 0,
                waiting: VecDeque::new(),
            }),
            max_running,
            batch_max,
            // A batch belongs to several requests, so it is not part of the trace of one.
            serve: Box::new(move |batch| Box::pin(serve(batch).with_context(Context::new()))),
            runtime: Handle::current(),
        }))
    }

    /// Submits a request and returns its response. `lost` makes the error for a request whose batch was not finished, because
    /// of a panic or the end of the runtime.
    pub(super) async fn submit(&self, request: Request, lost: fn(String) -> DbError) -> Result<Response, StoreError> {
        let (responder, response) = oneshot::channel();
        let request = BatchedRequest {
            request,
            responder: Responder(responder),
        };
        if let Some(mut turn) = Turn::start_or_wait(&self.0, request)? {
            turn.serve().await;
            // Requests that have arrived meanwhile do not delay this response.
            drop(turn);
        }
        let ended = |_| lost("a batch was not finished".to_owned());
        response.await.map_err(ended)?
    }
}

impl<Request, Response> Shared<Request, Response> {
    /// A poisoned lock is safe to use: each change of the state is made in one step.
    fn state(&self) -> MutexGuard<'_, State<Request, Response>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests that wait, as many as a batch has.
    fn next_batch(&self) -> Batch<Request, Response> {
        let mut state = self.state();
        let count = state.waiting.len().min(self.batch_max);
        state.waiting.drain(..count).collect()
    }
}

/// The right to process batches. When it ends and requests wait, a task takes it over, also after a batch that was not finished.
struct Turn<Request: Send + 'static, Response: Send + 'static> {
    shared: Arc<Shared<Request, Response>>,
    /// The next batch, or none, if it is still to be taken from those that wait.
    batch: Batch<Request, Response>,
}

impl<Request: Send + 'static, Response: Send + 'static> Turn<Request, Response> {
    /// Starts a turn for this request if no batch is running. Otherwise, the request waits for the next batch.
    fn start_or_wait(
        shared: &Arc<Shared<Request, Response>>,
        request: BatchedRequest<Request, Response>,
    ) -> Result<Option<Self>, DbError> {
        let turn = |batch| Self {
            shared: Arc::clone(shared),
            batch,
        };
        let mut state = shared.state();
        if state.running == 0 {
            state.running = 1;
            return Ok(Some(turn(vec![request])));
        }
        if state.waiting.len() >= MAX_WAITING {
            return Err(DbError::Unavailable(
                "too many requests wait for the database".to_owned(),
            ));
        }
        state.waiting.push_back(request);
        if state.running < shared.max_running {
            state.running += 1;
            drop(state);
            // When the task begins, more requests may wait.
            shared.runtime.spawn(turn(Vec::new()).serve_all());
        }
        Ok(None)
    }

    /// Processes the batch.
    async fn serve(&mut self) {
        let batch = mem::take(&mut self.batch);
        (self.shared.serve)(batch).await;
    }

    /// Processes the batch, and those that follow it.
    async fn serve_all(mut self) {
        loop {
            if self.batch.is_empty() {
                self.batch = self.shared.next_batch();
            }
            if self.batch.is_empty() {
                return;
            }
            self.serve().await;
        }
    }
}

impl<Request: Send + 'static, Response: Send + 'static> Drop for Turn<Request, Response> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if state.waiting.is_empty() {
            state.running -= 1;
            return;
        }
        drop(state);
        // The task gets a batch, because it is dropped at once if the runtime has ended. This then ends all that wait.
        let turn = Self {
            shared: Arc::clone(&self.shared),
            batch: self.shared.next_batch(),
        };
        self.shared.runtime.spawn(turn.serve_all());
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchedRequest, Batches, MAX_WAITING};
    use crate::store::StoreError;
    use crate::store::postgres::error::DbError;
    use futures_util::future::join_all;
    use std::sync::{Arc, Mutex};
    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, yield_now};

    /// Responds with the size of the batch, after a permit.
    struct Sizes {
        batches: Arc<Batches<u32, usize>>,
        permits: Arc<Semaphore>,
        /// The task that served each batch.
        tasks: Arc<Mutex<Vec<tokio::task::Id>>>,
    }

    /// The request whose batch panics.
    const PANICS: u32 = 0;

    impl Sizes {
        fn new(max_running: usize, batch_max: usize, permits: usize) -> Self {
            let permits = Arc::new(Semaphore::new(permits));
            let tasks = Arc::new(Mutex::new(Vec::new()));
            let (of_serve, served_by) = (Arc::clone(&permits), Arc::clone(&tasks));
            let serve = move |batch: Vec<BatchedRequest<u32, usize>>| {
                let (permits, tasks) = (Arc::clone(&of_serve), Arc::clone(&served_by));
                async move {
                    tasks.lock().unwrap().push(tokio::task::id());
                    permits.acquire().await.unwrap().forget();
                    assert!(batch.iter().all(|request| request.request != PANICS), "asked to panic");
                    let size = batch.len();
                    for request in batch {
                        request.into_parts().1.respond(Ok(size));
                    }
                }
            };
            Self {
                batches: Arc::new(Batches::new(max_running, batch_max, serve)),
                permits,
                tasks,
            }
        }

        /// Submits a request, which is waiting or being processed when this returns.
        async fn submit(&self, request: u32) -> JoinHandle<Result<usize, StoreError>> {
            let batches = Arc::clone(&self.batches);
            let submitted = tokio::spawn(async move { batches.submit(request, DbError::Unavailable).await });
            yield_now().await;
            submitted
        }

        async fn submit_all(&self, count: u32) -> Vec<JoinHandle<Result<usize, StoreError>>> {
            let mut submitted = Vec::new();
            for request in 1..=count {
                submitted.push(self.submit(request).await);
            }
            submitted
        }
    }

    async fn responses(submitted: Vec<JoinHandle<Result<usize, StoreError>>>) -> Vec<usize> {
        let responses = join_all(submitted).await;
        responses
            .into_iter()
            .map(|response| response.unwrap().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_single_request_is_processed_in_the_task_of_its_caller() {
        let sizes = Sizes::new(1, 10, 2);
        for _ in 0..2 {
            let submitted = sizes.submit(1).await;
            let caller = submitted.id();
            assert_eq!(submitted.await.unwrap().unwrap(), 1);
            assert_eq!(sizes.tasks.lock().unwrap().pop(), Some(caller));
        }
    }

    #[tokio::test]
    async fn requests_that_arrive_meanwhile_share_the_next_batches() {
        let sizes = Sizes::new(1, 3, 0);
        let submitted = sizes.submit_all(6).await;
        sizes.permits.add_permits(10);
        assert_eq!(responses(submitted).await, [1, 3, 3, 3, 2, 2]);
    }

    #[tokio::test]
    async fn a_response_does_not_wait_for_the_next_batch() {
        let sizes = Sizes::new(1, 10, 0);
        let mut submitted = sizes.submit_all(3).await;
        sizes.permits.add_permits(1);
        assert_eq!(submitted.remove(0).await.unwrap().unwrap(), 1);
        sizes.permits.add_permits(1);
        assert_eq!(responses(submitted).await, [2, 2]);
    }

    #[tokio::test]
    async fn several_batches_are_processed_at_the_same_time() {
        let sizes = Sizes::new(2, 10, 0);
        let submitted = sizes.submit_all(4).await;
        assert_eq!(sizes.tasks.lock().unwrap().len(), 2);
        sizes.permits.add_permits(10);
        assert_eq!(responses(submitted).await, [1, 1, 2, 2]);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_hold_up_the_others() {
        let sizes = Sizes::new(1, 10, 0);
        let first = sizes.submit(1).await;
        let others = sizes.submit_all(2).await;
        first.abort();
        sizes.permits.add_permits(1);
        assert_eq!(responses(others).await, [2, 2]);
    }

    #[tokio::test]
    async fn a_panic_does_not_hold_up_the_others() {
        let sizes = Sizes::new(1, 1, 0);
        let panicking = [sizes.submit(PANICS).await, sizes.submit(PANICS).await];
        let others = sizes.submit_all(1).await;
        sizes.permits.add_permits(3);
        let [of_caller, of_task] = panicking;
        assert!(of_caller.await.unwrap_err().is_panic());
        assert!(matches!(of_task.await.unwrap(), Err(StoreError::Unavailable(_))));
        assert_eq!(responses(others).await, [1]);
        assert_eq!(sizes.batches.0.state().running, 0);
    }

    #[tokio::test]
    async fn too_many_requests_do_not_wait() {
        let sizes = Sizes::new(1, MAX_WAITING, 0);
        let batches = &sizes.batches;
        let submitted = sizes.submit_all(1 + u32::try_from(MAX_WAITING).unwrap()).await;
        let rejected = batches.submit(1, DbError::Unavailable).await;
        assert!(matches!(rejected, Err(StoreError::Unavailable(_))));
        sizes.permits.add_permits(2);
        assert_eq!(responses(submitted).await.last(), Some(&MAX_WAITING));
    }

    #[test]
    fn the_end_of_the_runtime_ends_what_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sizes, submitted) = runtime.block_on(async {
            let sizes = Sizes::new(1, 1, 0);
            let submitted = sizes.submit_all(3).await;
            (sizes, submitted)
        });
        drop(runtime);
        assert!(submitted.iter().all(JoinHandle::is_finished));
        assert_eq!(sizes.batches.0.state().running, 0);
    }
}
