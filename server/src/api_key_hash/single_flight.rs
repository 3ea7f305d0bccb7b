//! Single-flight: concurrent callers with the same request share one computation. Nothing is kept once it has ended.

use super::HashError;
use super::verified_cache::Digest;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

type Call = Arc<OnceCell<Result<bool, HashError>>>;

/// The computations that are in progress.
#[derive(Default)]
pub(super) struct SingleFlight(Mutex<HashMap<Digest, Call>>);

impl SingleFlight {
    /// Returns the result for `key`. One of the concurrent callers runs its `compute`, and all of them get the result. If
    /// that caller is cancelled, another one takes over.
    pub(super) async fn run(
        &self,
        key: Digest,
        compute: impl Future<Output = Result<bool, HashError>>,
    ) -> Result<bool, HashError> {
        let call = Arc::clone(self.calls().entry(key).or_default());
        let result = call.get_or_init(|| compute).await.clone();
        let mut calls = self.calls();
        if calls.get(&key).is_some_and(|current| Arc::ptr_eq(current, &call)) {
            calls.remove(&key);
        }
        result
    }

    /// Locks the map. A poisoned lock is safe to use: each change of the map is a single operation.
    fn calls(&self) -> MutexGuard<'_, HashMap<Digest, Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
