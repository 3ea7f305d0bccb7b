//! Pruning of old audit events by an operator.

use super::error::Failure;
use crate::store::{AuditPruneStore, PrunedBatch, StoreError};
use tenant_registry_contract::types::Timestamp;
use thiserror::Error;
use tracing::info;

/// Why audit events were not pruned.
#[derive(Debug, Error)]
pub enum AuditPruneError {
    /// Some of the events are too young to be deleted.
    #[error("`--before` must not be later than {0}: the database keeps younger events")]
    TooYoung(Timestamp),
    /// The store failed. Events that were deleted before remain deleted.
    #[error("not all events were deleted: {0}; run it again")]
    Failed(String),
}

impl From<StoreError> for AuditPruneError {
    /// Shows the detail, because an operator reads it.
    fn from(error: StoreError) -> Self {
        Self::Failed(Failure::from(error).detail().for_log().to_owned())
    }
}

/// Deletes the audit events before a time and returns how many there were. The store records each deletion in the log.
///
/// # Errors
/// - [`AuditPruneError::TooYoung`] if the store keeps events that are that young.
/// - [`AuditPruneError::Failed`] if the store fails. Running it again continues.
pub async fn audit_prune(store: &mut impl AuditPruneStore, before: Timestamp) -> Result<u64, AuditPruneError> {
    let latest = store.audit_prunable_until().await?;
    if before > latest {
        return Err(AuditPruneError::TooYoung(latest));
    }
    let mut deleted_total = 0;
    // These are the oldest events.
    while let Some(deleted) = store.audit_delete_distributed_batch(before).await? {
        deleted_total += deleted;
        info!(deleted = deleted_total, "pruned the distributed audit events");
    }
    let mut after = 0;
    while let Some(PrunedBatch { last, deleted }) = store.audit_delete_batch(before, after).await? {
        after = last;
        deleted_total += deleted;
        info!(deleted = deleted_total, "pruned the audit log");
    }
    Ok(deleted_total)
}
