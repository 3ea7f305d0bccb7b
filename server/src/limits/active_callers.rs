//! What is kept for a caller while it has requests.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A value for each caller, dropped with its last reference.
#[derive(Debug)]
pub(super) struct ActiveCallers<K, T>(Mutex<HashMap<K, Weak<T>>>);

impl<K, T> Default for ActiveCallers<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T> ActiveCallers<K, T> {
    /// Returns the caller's value, or a new one.
    pub(super) fn get_or_insert(&self, caller: K, new: impl FnOnce() -> T) -> Arc<T> {
        // Each change is a single insertion or removal.
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = callers.get(&caller).and_then(Weak::upgrade) {
            return known;
        }
        callers.retain(|_, it| it.strong_count() > 0);
        let new = Arc::new(new());
        callers.insert(caller, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::ActiveCallers;
    use std::sync::Arc;

    #[test]
    fn a_caller_is_forgotten_with_its_last_request() {
        let callers = ActiveCallers::default();
        let first = callers.get_or_insert(0, || 1);
        assert!(Arc::ptr_eq(&first, &callers.get_or_insert(0, || 2)));
        drop(first);
        assert_eq!(*callers.get_or_insert(0, || 3), 3);
        for caller in 1..100 {
            callers.get_or_insert(caller, || 4);
        }
        assert_eq!(callers.0.lock().unwrap().len(), 1);
    }
}
