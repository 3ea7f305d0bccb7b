//! The rule of `tenant_cancel`.

use crate::domain::caller::Caller;
use crate::domain::error::{Conflict, DomainError, InvalidInput, TenantChangeError};
use crate::domain::service_event::ServiceAction;
use crate::records::{Decision, TenantRecord};
use chrono::NaiveTime;
use serde_json::Map;
use tenant_registry_contract::types::{Date, TenantStatus, Text, Timestamp};

/// Changes the status to `frozen`, now or at the end of the period. A frozen tenant stays unchanged, and so does one with
/// a pending cancellation if `at_period_end` is set. Without `at_period_end`, a pending cancellation takes effect now.
pub(super) fn tenant_cancel(
    tenant: &TenantRecord,
    reason: Option<&Text>,
    at_period_end: bool,
    caller: &Caller,
    now: Timestamp,
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
    metadata.insert("effective_at".to_owned(), effective_at.to_string().into());
    let event = cancelled.event(ServiceAction::TenantCancelled, metadata, caller, now);
    let event = caller.with_response(event, &cancelled.as_of(now))?;
    Ok(Decision::change(cancelled, event))
}

/// The first instant after the contract or the trial.
fn period_end(tenant: &TenantRecord) -> Result<Timestamp, InvalidInput> {
    let missing = match tenant.status {
        TenantStatus::Active => match tenant.contract_end {
            Some(last_day) => return end_of_day(last_day),
            None => "no `contract_end` is stored",
        },
        TenantStatus::Trial => match tenant.trial_ends_at {
            Some(end) => return Ok(end),
            None => "no `trial_ends_at` is stored",
        },
        TenantStatus::Demo => "a demo has no period",
        TenantStatus::Frozen | TenantStatus::Archived => "the tenant is not in service",
    };
    Err(InvalidInput(format!(
        "`at_period_end`: {missing}; leave `at_period_end` out to cancel now"
    )))
}

/// The first instant of the next day.
fn end_of_day(day: Date) -> Result<Timestamp, InvalidInput> {
    let next = day.get().succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc());
    next.and_then(|instant| Timestamp::try_from(instant).ok())
        .ok_or_else(|| {
            InvalidInput(format!(
                "`at_period_end`: `contract_end` is {day}, the last day that a time can have, so the contract does not \
                 end; set an earlier `contract_end`, or leave `at_period_end` out to cancel now"
            ))
        })
}
