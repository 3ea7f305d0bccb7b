//! Pruning of old audit events by an operator.

use super::clock::Clock;
use super::error::Failure;
use crate::records::{NewAuditEvent, stored};
use crate::store::{AuditPruneStore, PrunedBatch, StoreError};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use tenant_registry_contract::types::JsonObject;
use thiserror::Error;
use tracing::info;

/// Why audit events were not pruned.
#[derive(Debug, Error)]
pub enum AuditPruneError {
    /// The time is in the future, so the events about the pruning would be deleted as well.
    #[error("`--before` must not be in the future; it is {0} now")]
    Future(DateTime<Utc>),
    /// The store failed. Events that were deleted before remain deleted.
    #[error("not all events were deleted: {0}; run it again")]
    Failed(String),
}

impl From<Failure> for AuditPruneError {
    /// Shows the detail, because an operator reads it.
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.detail().for_log().to_owned())
    }
}

impl From<StoreError> for AuditPruneError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

/// Deletes the audit events before a time. The log records the start and the result.
#[derive(Debug)]
pub struct AuditPrune {
    before: DateTime<Utc>,
    clock: Clock,
}

impl AuditPrune {
    /// Prunes the events before `before`.
    ///
    /// # Errors
    /// [`AuditPruneError::Future`] if `before` is in the future.
    pub fn new(before: DateTime<Utc>, clock: Clock) -> Result<Self, AuditPruneError> {
        let now = clock.now();
        if before > now {
            return Err(AuditPruneError::Future(now));
        }
        Ok(Self { before, clock })
    }

    /// Deletes the events and returns how many there were.
    ///
    /// # Errors
    /// [`AuditPruneError::Failed`] if the store fails. Running it again continues.
    pub async fn run(self, store: &mut impl AuditPruneStore) -> Result<u64, AuditPruneError> {
        let started = self.event(Progress::Started, store.operator());
        store.audit_append(started).await?;
        let mut deleted_total = 0;
        let mut after = 0;
        while let Some(PrunedBatch { last, deleted }) = store.audit_delete_batch(self.before, after).await? {
            after = last;
            deleted_total += deleted;
            info!(deleted = deleted_total, "pruned the audit log");
        }
        let done = self.event(Progress::Done { deleted: deleted_total }, store.operator());
        store.audit_append(done).await?;
        Ok(deleted_total)
    }

    fn event(&self, progress: Progress, operator: &str) -> NewAuditEvent {
        let mut metadata = Map::new();
        metadata.insert(
            "before".to_owned(),
            self.before.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        );
        let action = match progress {
            Progress::Started => "audit.prune_started",
            Progress::Done { deleted } => {
                metadata.insert("deleted".to_owned(), Value::from(deleted));
                "audit.pruned"
            }
        };
        NewAuditEvent {
            tenant_id: None,
            project_id: None,
            actor_id: Some(stored(operator)),
            actor_name: None,
            actor_type: Some(stored("operator")),
            action: stored(action),
            target_id: None,
            target_type: Some(stored("audit_log")),
            target_name: None,
            product: None,
            metadata: Some(JsonObject::from(metadata)),
            source_ip: None,
            user_agent: None,
            created_at: self.clock.now(),
        }
    }
}

/// The progress that an event reports.
#[derive(Clone, Copy, Debug)]
enum Progress {
    /// Nothing is deleted yet. Reported first, so that an interrupted run is on record.
    Started,
    /// All old events are deleted.
    Done { deleted: u64 },
}
