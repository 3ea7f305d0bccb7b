//! The background task that writes the `last_used_at` times of API keys.

use crate::domain::Registry;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// Writes the collected times at each interval, and sooner when many have been collected.
pub(super) struct LastUsedWriter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LastUsedWriter {
    pub(super) fn start<S: Store>(registry: Arc<Registry<S>>, every: Duration) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    // Also resolves if the service is dropped without a shutdown.
                    _ = &mut stopped => break,
                    _ = ticks.tick() => {}
                    () = registry.api_key_uses_filling() => {}
                }
                if let Err(failure) = registry.api_key_uses_write().await {
                    warn!(
                        detail = failure.detail().for_log(),
                        "cannot write the last use of API keys: {failure}"
                    );
                }
            }
        });
        Self { stop, task }
    }

    /// Stops the task, after the write that is in progress.
    pub(super) async fn stop(self) {
        let Self { stop, task } = self;
        drop(stop);
        if let Err(error) = task.await {
            warn!("the task that writes the last use of API keys failed: {error}");
        }
    }
}
