//! The background tasks that remove old data in small steps.

use crate::domain::Registry;
use crate::domain::error::Failure;
use crate::store::Store;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// What a task removes. The store keeps the steps of several replicas apart.
pub(super) trait Removal: Send + Sync + 'static {
    /// Completes a message: "cannot …".
    const WHAT: &'static str;

    /// How often the task looks for something to remove.
    const INTERVAL: Duration;

    /// Resolves when the task need not wait for the interval.
    fn begin(&self) -> impl Future<Output = ()> + Send;

    /// Removes a little, and returns whether there may be more.
    fn step(&self) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// The events of deleted tenants lose their tenant.
pub(super) struct DeletedTenants<S: Store>(pub(super) Arc<Registry<S>>);

impl<S: Store> Removal for DeletedTenants<S> {
    const WHAT: &'static str = "remove a deleted tenant from its audit events";

    /// For what another replica, a crash or an error left.
    const INTERVAL: Duration = Duration::from_secs(10);

    async fn begin(&self) {
        self.0.tenant_deleted().await;
    }

    async fn step(&self) -> Result<bool, Failure> {
        self.0.audit_clear_deleted_tenant().await
    }
}

/// Responses to requests with an `Idempotency-Key` are deleted after a while.
pub(super) struct OldResponses<S: Store> {
    pub(super) registry: Arc<Registry<S>>,
    pub(super) retention: Duration,
}

impl<S: Store> Removal for OldResponses<S> {
    const WHAT: &'static str = "delete old responses to requests with an Idempotency-Key";

    const INTERVAL: Duration = Duration::from_secs(60);

    async fn begin(&self) {
        pending().await
    }

    async fn step(&self) -> Result<bool, Failure> {
        self.registry.old_responses_delete(self.retention).await
    }
}

/// A running task.
pub(super) struct RemovalTask {
    what: &'static str,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RemovalTask {
    pub(super) fn start<R: Removal>(removal: R) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(R::INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut more = false;
            loop {
                tokio::select! {
                    biased;
                    // Also resolves if the service is dropped without a shutdown.
                    _ = &mut stopped => break,
                    () = std::future::ready(()), if more => {}
                    _ = ticks.tick() => {}
                    () = removal.begin() => {}
                }
                more = match removal.step().await {
                    Ok(more) => more,
                    Err(failure) => {
                        warn!(detail = failure.detail().for_log(), "cannot {}: {failure}", R::WHAT);
                        false
                    }
                };
            }
        });
        Self {
            what: R::WHAT,
            stop,
            task,
        }
    }

    /// Stops the task, after the step that is in progress.
    pub(super) async fn stop(self) {
        let Self { what, stop, task } = self;
        drop(stop);
        if let Err(error) = task.await {
            warn!("the task to {what} failed: {error}");
        }
    }
}
