//! The rule of `tenant_activate`.

use super::contract;
use crate::domain::caller::Caller;
use crate::domain::error::{Conflict, DomainError, TenantChangeError};
use crate::domain::service_event::ServiceAction;
use crate::records::{Decision, TenantRecord, stored};
use serde_json::Map;
use tenant_registry_contract::types::{ExternalId, PlanKey, TenantActivate, TenantStatus, Timestamp};

/// Changes any status except `archived` to `active`, and removes a pending cancellation. Members that `body` leaves out
/// stay unchanged.
pub(super) fn tenant_activate(
    tenant: &TenantRecord,
    body: &TenantActivate,
    caller: &Caller,
    now: Timestamp,
) -> Result<Decision<TenantRecord>, DomainError<TenantChangeError>> {
    let previous_status = tenant.status_at(now);
    match previous_status {
        TenantStatus::Archived => {
            return Err(DomainError::rejected(Conflict(
                "the tenant is archived and cannot be activated".to_owned(),
            )));
        }
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Active | TenantStatus::Frozen => {}
    }

    let TenantActivate {
        plan,
        contract_start,
        contract_end,
        erp_customer_id,
    } = body;
    let mut active = TenantRecord {
        status: TenantStatus::Active,
        cancel_at: None,
        plan: plan.clone().map_or_else(|| tenant.plan.clone(), stored::<PlanKey>),
        contract_start: contract_start.or(tenant.contract_start),
        contract_end: contract_end.or(tenant.contract_end),
        erp_customer_id: erp_customer_id
            .clone()
            .map(stored::<ExternalId>)
            .or_else(|| tenant.erp_customer_id.clone()),
        ..tenant.clone()
    };
    contract::check(&active).map_err(DomainError::rejected)?;
    if active == *tenant {
        return Ok(Decision::Unchanged);
    }

    active.updated_at = now;
    let mut metadata = Map::new();
    metadata.insert("previous_status".to_owned(), previous_status.as_str().into());
    if active.plan != tenant.plan {
        metadata.insert("plan".to_owned(), active.plan.as_str().into());
    }
    if let Some(start) = active
        .contract_start
        .filter(|_| active.contract_start != tenant.contract_start)
    {
        metadata.insert("contract_start".to_owned(), start.to_string().into());
    }
    if let Some(end) = active
        .contract_end
        .filter(|_| active.contract_end != tenant.contract_end)
    {
        metadata.insert("contract_end".to_owned(), end.to_string().into());
    }
    if let Some(id) = active
        .erp_customer_id
        .as_ref()
        .filter(|_| active.erp_customer_id != tenant.erp_customer_id)
    {
        metadata.insert("erp_customer_id".to_owned(), id.as_str().into());
    }
    let event = active.event(ServiceAction::TenantActivated, metadata, caller, now);
    let event = caller.with_response(event, &active.as_of(now))?;
    Ok(Decision::change(active, event))
}
