//! The rule of `tenant_delete`.

use crate::domain::caller::Caller;
use crate::domain::error::{Conflict, DomainError, TenantDeleteError};
use crate::domain::service_event::ServiceAction;
use crate::records::{NewAuditEvent, TenantRecord};
use serde_json::Map;
use tenant_registry_contract::types::{TenantStatus, Timestamp};

/// An archived tenant can be deleted. The event belongs to no tenant, because it outlives this one.
pub(super) fn tenant_delete(
    tenant: &TenantRecord,
    caller: &Caller,
    now: Timestamp,
) -> Result<NewAuditEvent, DomainError<TenantDeleteError>> {
    match tenant.status_at(now) {
        TenantStatus::Archived => {}
        TenantStatus::Demo | TenantStatus::Trial | TenantStatus::Active | TenantStatus::Frozen => {
            return Err(DomainError::rejected(Conflict(
                "only an archived tenant can be deleted; archive it first".to_owned(),
            )));
        }
    }
    let mut metadata = Map::new();
    metadata.insert("slug".to_owned(), tenant.slug.as_str().into());
    Ok(NewAuditEvent {
        tenant_id: None,
        ..tenant.event(ServiceAction::TenantDeleted, metadata, caller, now)
    })
}
