//! Questions of many callers that are answered together: what comes while the database is busy with some shares the next
//! statement. Who comes alone waits for nobody.

use super::fault::DbError;
use crate::store::StoreError;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Callers that may wait for the next batch. Who finds no place is told to try again.
const MOST_WAITING: usize = 4_096;

/// Takes questions for the next batch.
pub(super) struct Batches<Question, Answer>(mpsc::Sender<Waiting<Question, Answer>>);

/// A question, and who waits for its answer.
pub(super) struct Waiting<Question, Answer> {
    pub(super) question: Question,
    asker: Asker<Answer>,
}

impl<Question, Answer> Waiting<Question, Answer> {
    pub(super) fn into_parts(self) -> (Question, Asker<Answer>) {
        (self.question, self.asker)
    }
}

/// Who waits for an answer.
pub(super) struct Asker<Answer>(oneshot::Sender<Result<Answer, StoreError>>);

impl<Answer> Asker<Answer> {
    pub(super) fn answer(self, answer: Result<Answer, StoreError>) {
        // Whoever asked may have gone away.
        let _ = self.0.send(answer);
    }
}

impl<Question: Send + 'static, Answer: Send + 'static> Batches<Question, Answer> {
    /// Starts `at_once` tasks that give up to `most` questions at a time to `serve`, until the value is dropped. Needs a
    /// runtime.
    pub(super) fn start<Serve, Served>(at_once: usize, most: usize, serve: Serve) -> Self
    where
        Serve: Fn(Vec<Waiting<Question, Answer>>) -> Served + Clone + Send + Sync + 'static,
        Served: Future<Output = ()> + Send,
    {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..at_once {
            let receiver = Arc::clone(&receiver);
            let serve = serve.clone();
            tokio::spawn(async move {
                loop {
                    let mut waiting = Vec::new();
                    if receiver.lock().await.recv_many(&mut waiting, most).await == 0 {
                        return;
                    }
                    serve(waiting).await;
                }
            });
        }
        Self(sender)
    }

    /// Asks; returns when the batch is done. `lost` is what a caller gets whose answer was cut off with the runtime.
    pub(super) async fn ask(&self, question: Question, lost: fn(String) -> DbError) -> Result<Answer, StoreError> {
        let (asker, answer) = oneshot::channel();
        let waiting = Waiting {
            question,
            asker: Asker(asker),
        };
        self.0.try_send(waiting).map_err(|error| {
            DbError::Unavailable(match error {
                TrySendError::Full(_) => "too many wait for the database".to_owned(),
                TrySendError::Closed(_) => "the store is stopping".to_owned(),
            })
        })?;
        let ended = |_| lost("the task that asks the database ended".to_owned());
        answer.await.map_err(ended)?
    }
}
