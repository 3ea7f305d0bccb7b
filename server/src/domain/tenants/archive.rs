//! The rule of `tenant_archive`.

use crate::domain::caller::Caller;
use crate::domain::error::{Conflict, DomainError, TenantChangeError};
use crate::domain::service_event::ServiceAction;
use crate::records::{Decision, TenantRecord};
use serde_json::Map;
use tenant_registry_contract::types::{TenantStatus, Timestamp};

/// Changes any status except `active` to `archived`. An archived tenant stays unchanged.
pub(super) fn tenant_archive(
    tenant: &TenantRecord,
    caller: &Caller,
    now: Timestamp,
) -> Result<Decision<TenantRecord>, DomainError<TenantChangeError>> {
    let previous_status = tenant.status_at(now);
    match previous_status {
        TenantStatus::Active => {
            return Err(DomainError::rejected(Conflict(
                "the tenant is active; cancel it first, then archive it".to_owned(),
            )));
        }
        TenantStatus::Archived => return Ok(Decision::Unchanged),
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Frozen => {}
    }
    let archived = TenantRecord {
        status: TenantStatus::Archived,
        cancel_at: None,
        updated_at: now,
        ..tenant.clone()
    };
    let mut metadata = Map::new();
    metadata.insert("previous_status".to_owned(), previous_status.as_str().into());
    let event = archived.event(ServiceAction::TenantArchived, metadata, caller, now);
    let event = caller.with_response(event, &archived.as_of(now))?;
    Ok(Decision::change(archived, event))
}
