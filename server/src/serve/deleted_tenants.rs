//! The background task that removes deleted tenants from their audit events.

use crate::domain::Registry;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// How often the task looks for what another replica, a crash or an error left. It begins at once when this replica has deleted
/// a tenant.
const INTERVAL: Duration = Duration::from_secs(10);

/// Clears the events in small steps. The store keeps the steps of several replicas apart.
pub(super) struct DeletedTenants {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl DeletedTenants {
    pub(super) fn start<S: Store>(registry: Arc<Registry<S>>) -> Self {
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
                more = match registry.audit_clear_deleted_tenant().await {
                    Ok(more) => more,
                    Err(failure) => {
                        warn!(
                            detail = failure.detail().for_log(),
                            "cannot remove a deleted tenant from its audit events: {failure}"
                        );
                        false
                    }
                };
            }
        });
        Self { stop, task }
    }

    /// Stops the task, after the step that is in progress.
    pub(super) async fn stop(self) {
        let Self { stop, task } = self;
        drop(stop);
        if let Err(error) = task.await {
            warn!("the task that removes deleted tenants from their audit events failed: {error}");
        }
    }
}
