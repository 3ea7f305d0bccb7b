//! That the service is about to stop: the readiness probe says so while everything else is still served, so that whoever
//! sends requests here has time to send them elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told once, and seen by all clones.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// The service is about to stop.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Is it?
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
