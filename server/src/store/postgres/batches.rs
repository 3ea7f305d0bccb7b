//! Requests of many callers, processed in batches: requests that arrive while the database is busy share the next
//! statement. A single request does not wait for others.

use super::error::DbError;
use crate::store::StoreError;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Requests that may wait for the next batch. Requests beyond this limit fail with [`DbError::Unavailable`].
const MAX_WAITING: usize = 4_096;

/// Accepts requests for the next batch.
pub(super) struct Batches<Request, Response>(mpsc::Sender<BatchedRequest<Request, Response>>);

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
    /// Starts `tasks` tasks that pass batches of up to `batch_max` requests to `serve`. They end when the value is
    /// dropped.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn start<Serve, Served>(tasks: usize, batch_max: usize, serve: Serve) -> Self
    where
        Serve: Fn(Vec<BatchedRequest<Request, Response>>) -> Served + Clone + Send + Sync + 'static,
        Served: Future<Output = ()> + Send,
    {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..tasks {
            let receiver = Arc::clone(&receiver);
            let serve = serve.clone();
            tokio::spawn(async move {
                loop {
                    let mut batch = Vec::new();
                    if receiver.lock().await.recv_many(&mut batch, batch_max).await == 0 {
                        return;
                    }
                    serve(batch).await;
                }
            });
        }
        Self(sender)
    }

    /// Submits a request and returns its response. `lost` makes the error for a request whose task ended with the
    /// runtime.
    pub(super) async fn submit(&self, request: Request, lost: fn(String) -> DbError) -> Result<Response, StoreError> {
        let (responder, response) = oneshot::channel();
        let request = BatchedRequest {
            request,
            responder: Responder(responder),
        };
        self.0.try_send(request).map_err(|error| {
            DbError::Unavailable(match error {
                TrySendError::Full(_) => "too many requests wait for the database".to_owned(),
                TrySendError::Closed(_) => "the store is stopping".to_owned(),
            })
        })?;
        let ended = |_| lost("the task that runs the batches ended".to_owned());
        response.await.map_err(ended)?
    }
}
