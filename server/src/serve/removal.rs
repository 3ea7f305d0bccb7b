//! The background task that removes old data in small steps.

use crate::domain::Registry;
use crate::domain::error::Failure;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// How often the task looks for old responses, and for what another replica, a crash or an error left of a deleted tenant. It
/// begins at once when this replica has deleted a tenant.
const INTERVAL: Duration = Duration::from_secs(10);

/// Removes deleted tenants from their audit events, and deletes old responses to requests with an `Idempotency-Key`. The steps
/// take turns, so they need one connection. The store keeps the steps of several replicas apart.
pub(super) struct Removal {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Removal {
    /// `retention` is the age from which on a response is old.
    pub(super) fn start<S: Store>(registry: Arc<Registry<S>>, retention: Duration) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut more = false;
            loop {
                tokio::select! {
                    biased;
                    // Also resolves if the service is dropped without a shutdown.
                    _ = &mut stopped => break,
                    () = std::future::ready(()), if more => {}
                    _ = ticks.tick() => {}
                    () = registry.tenant_deleted() => {}
                }
                let more_events = registry.audit_clear_deleted_tenant().await;
                let more_events = is_more(more_events, "remove a deleted tenant from its audit events");
                let more_responses = registry.old_responses_delete(retention).await;
                more = is_more(more_responses, "delete old responses") || more_events;
            }
        });
        Self { stop, task }
    }

    /// Stops the task, after the step that is in progress.
    pub(super) async fn stop(self) {
        let Self { stop, task } = self;
        drop(stop);
        if let Err(error) = task.await {
            warn!("the task that removes old data failed: {error}");
        }
    }
}

/// Whether there may be more to remove. After a failure, the next tick tries again.
fn is_more(step: Result<bool, Failure>, what: &str) -> bool {
    step.unwrap_or_else(|failure| {
        warn!(detail = failure.detail().for_log(), "cannot {what}: {failure}");
        false
    })
}
