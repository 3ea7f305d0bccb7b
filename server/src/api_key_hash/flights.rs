//! Callers that ask the same at the same time share one answer, whatever it is; who asks later asks anew.

use super::HashError;
use super::remembered::Digest;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

type Flight = Arc<OnceCell<Result<bool, HashError>>>;

/// The questions that are being answered.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Digest, Flight>>);

impl Flights {
    /// The answer to a question; `find` is run by one of those who ask at the same time. When that one goes away, another
    /// takes its place.
    pub(super) async fn share(
        &self,
        question: Digest,
        find: impl Future<Output = Result<bool, HashError>>,
    ) -> Result<bool, HashError> {
        let flight = Arc::clone(self.flights().entry(question).or_default());
        let answer = flight.get_or_init(|| find).await.clone();
        let mut flights = self.flights();
        if flights.get(&question).is_some_and(|known| Arc::ptr_eq(known, &flight)) {
            flights.remove(&question);
        }
        answer
    }

    /// A thread that panicked while it held the lock left a whole map: each entry comes and goes in one step.
    fn flights(&self) -> MutexGuard<'_, HashMap<Digest, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
