//! The rule of `tenant_cancel`.

use crate::domain::caller::Caller;
use crate::domain::error::{Conflict, DomainError, InvalidInput, TenantChangeError};
use crate::domain::service_event::ServiceAction;
use crate::records::{Decision, TenantRecord};
use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use serde_json::Map;
use tenant_registry_contract::types::{TenantStatus, Text};

/// Changes the status to `frozen`, now or at the end of the period. A frozen tenant stays unchanged, and so does one with
/// a pending cancellation if `at_period_end` is set. Without `at_period_end`, a pending cancellation takes effect now.
pub(super) fn tenant_cancel(
    tenant: &TenantRecord,
    reason: Option<&Text>,
    at_period_end: bool,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Decision<TenantRecord>, DomainError<TenantChangeError>> {
    match tenant.status_at(now) {
        TenantStatus::Archived => {
            return Err(DomainError::rejected(Conflict(
                "the tenant is archived and cannot be cancelled".to_owned(),
            )));
        }
        TenantStatus::Frozen => return Ok(Decision::Unchanged),
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Active => {}
    }
    if at_period_end && tenant.cancel_at.is_some() {
        return Ok(Decision::Unchanged);
    }

    // The period may be over already. The audit event must not record a cancellation in the past.
    let effective_at = if at_period_end {
        period_end(tenant).map_err(DomainError::rejected)?.max(now)
    } else {
        now
    };
    let (status, cancel_at) = if effective_at > now {
        (tenant.status, Some(effective_at))
    } else {
        (TenantStatus::Frozen, None)
    };
    let cancelled = TenantRecord {
        status,
        cancel_at,
        updated_at: now,
        ..tenant.clone()
    };

    let mut metadata = Map::new();
    if let Some(reason) = reason {
        metadata.insert("reason".to_owned(), reason.as_str().into());
    }
    metadata.insert(
        "effective_at".to_owned(),
        effective_at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
    );
    let event = cancelled.event(ServiceAction::TenantCancelled, metadata, caller, now);
    Ok(Decision::change(cancelled, event))
}

/// The first instant after the contract or the trial.
fn period_end(tenant: &TenantRecord) -> Result<DateTime<Utc>, InvalidInput> {
    let (end, missing) = match tenant.status {
        TenantStatus::Active => (
            tenant
                .contract_end
                .and_then(|last_day| last_day.succ_opt())
                .map(|day_after| day_after.and_time(NaiveTime::MIN).and_utc()),
            "no `contract_end` is stored",
        ),
        TenantStatus::Trial => (tenant.trial_ends_at, "no `trial_ends_at` is stored"),
        TenantStatus::Demo => (None, "a demo has no period"),
        TenantStatus::Frozen | TenantStatus::Archived => (None, "the tenant is not in service"),
    };
    end.ok_or_else(|| {
        InvalidInput(format!(
            "`at_period_end`: {missing}; leave `at_period_end` out to cancel now"
        ))
    })
}
