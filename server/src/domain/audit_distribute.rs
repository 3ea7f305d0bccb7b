//! Distribution of old audit events over other database servers by an operator.

use super::error::Failure;
use crate::store::{AuditDistributeStore, DistributionPlan, MovedBatch, StoreError};
use std::time::Duration;
use tenant_registry_contract::types::Timestamp;
use thiserror::Error;
use tracing::info;

/// Why audit events were not distributed.
#[derive(Debug, Error)]
pub enum AuditDistributeError {
    /// Nothing was changed.
    #[error("the audit log cannot be distributed:\n- {}", .0.join("\n- "))]
    Unmet(Vec<String>),
    /// The store failed. Events that were moved before remain moved.
    #[error("not all events were moved: {0}; run it again")]
    Failed(String),
}

impl From<StoreError> for AuditDistributeError {
    /// Shows the detail, because an operator reads it.
    fn from(error: StoreError) -> Self {
        Self::Failed(Failure::from(error).detail().for_log().to_owned())
    }
}

/// What [`audit_distribute`] would do. Changes nothing.
///
/// # Errors
/// - [`AuditDistributeError::Unmet`] if something is missing.
/// - [`AuditDistributeError::Failed`] if the store fails.
pub async fn audit_distribute_plan(
    store: &mut impl AuditDistributeStore,
    older_than: Duration,
    shards: u16,
) -> Result<DistributionPlan, AuditDistributeError> {
    let before = distributable_before(store, older_than).await?;
    Ok(store.audit_plan_distribution(before, shards).await?)
}

/// Moves the audit events that are older than this, and returns how many there were. The first time, it distributes the table
/// they are moved to.
///
/// # Errors
/// - [`AuditDistributeError::Unmet`] if something is missing. Nothing was changed.
/// - [`AuditDistributeError::Failed`] if the store fails. Running it again continues.
pub async fn audit_distribute(
    store: &mut impl AuditDistributeStore,
    older_than: Duration,
    shards: u16,
) -> Result<u64, AuditDistributeError> {
    let before = distributable_before(store, older_than).await?;
    if store.audit_distribute_table(shards).await? {
        info!(shards, "distributed the table audit_log_distributed");
    }
    let mut moved_total = 0;
    let mut after = None;
    while let Some(MovedBatch { last, moved }) = store.audit_move_batch(before, after).await? {
        after = Some(last);
        moved_total += moved;
        info!(moved = moved_total, until = %last, "moved events of the audit log");
    }
    Ok(moved_total)
}

/// The time before which events can be moved, if nothing is missing.
async fn distributable_before(
    store: &mut impl AuditDistributeStore,
    older_than: Duration,
) -> Result<Timestamp, AuditDistributeError> {
    let problems = store.audit_distribution_problems().await?;
    if !problems.is_empty() {
        return Err(AuditDistributeError::Unmet(problems));
    }
    Ok(store.audit_time_before(older_than).await?)
}
