//! The audit events that the service writes for its own state changes.

use super::caller::Caller;
use crate::records::{NewAuditEvent, stored};
use serde_json::{Map, Value};
use tenant_registry_contract::types::{AuditEventOrigin, JsonObject, ProductKey, ProjectId, TenantId, Timestamp};

/// The state change that an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceAction {
    TenantCreated,
    TenantUpdated,
    TenantActivated,
    TenantCancelled,
    TenantArchived,
    TenantDeleted,
    ProjectCreated,
    ProjectUpdated,
    ProjectDeleted,
    EntitlementGranted,
    EntitlementChanged,
    EntitlementRevoked,
    CatalogRequested,
    CatalogTrialStarted,
    ApiKeyCreated,
    ApiKeyUpdated,
    ApiKeyRotated,
    ApiKeyRevoked,
}

impl ServiceAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant.created",
            Self::TenantUpdated => "tenant.updated",
            Self::TenantActivated => "tenant.activated",
            Self::TenantCancelled => "tenant.cancelled",
            Self::TenantArchived => "tenant.archived",
            Self::TenantDeleted => "tenant.deleted",
            Self::ProjectCreated => "project.created",
            Self::ProjectUpdated => "project.updated",
            Self::ProjectDeleted => "project.deleted",
            Self::EntitlementGranted => "entitlement.granted",
            Self::EntitlementChanged => "entitlement.changed",
            Self::EntitlementRevoked => "entitlement.revoked",
            Self::CatalogRequested => "catalog.requested",
            Self::CatalogTrialStarted => "catalog.trial_started",
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyUpdated => "api_key.updated",
            Self::ApiKeyRotated => "api_key.rotated",
            Self::ApiKeyRevoked => "api_key.revoked",
        }
    }

    fn target_type(self) -> &'static str {
        match self {
            Self::TenantCreated
            | Self::TenantUpdated
            | Self::TenantActivated
            | Self::TenantCancelled
            | Self::TenantArchived
            | Self::TenantDeleted => "tenant",
            Self::ProjectCreated | Self::ProjectUpdated | Self::ProjectDeleted => "project",
            Self::EntitlementGranted
            | Self::EntitlementChanged
            | Self::EntitlementRevoked
            | Self::CatalogRequested
            | Self::CatalogTrialStarted => "product",
            Self::ApiKeyCreated | Self::ApiKeyUpdated | Self::ApiKeyRotated | Self::ApiKeyRevoked => "api_key",
        }
    }
}

/// An audit event about a state change.
pub(crate) struct ServiceEvent<'a> {
    pub(crate) action: ServiceAction,
    pub(crate) tenant_id: TenantId,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) target_id: String,
    pub(crate) target_name: Option<&'a str>,
    pub(crate) product: Option<&'a ProductKey>,
    pub(crate) metadata: Map<String, Value>,
}

impl ServiceEvent<'_> {
    /// Adds the caller who caused the event.
    pub(crate) fn caused_by(self, caller: &Caller, now: Timestamp) -> NewAuditEvent {
        let Self {
            action,
            tenant_id,
            project_id,
            target_id,
            target_name,
            product,
            metadata,
        } = self;
        let Caller {
            identity,
            origin,
            keyed: _,
        } = caller;
        let actor = identity.actor.as_deref();
        NewAuditEvent {
            tenant_id: Some(tenant_id),
            project_id,
            actor_id: actor.map(|it| stored(it.id.clone())),
            actor_name: actor.and_then(|it| it.name.clone()).map(stored),
            actor_type: actor.map(|it| stored(it.kind.clone())),
            action: stored(action.as_str()),
            target_id: Some(stored(target_id)),
            target_type: Some(stored(action.target_type())),
            target_name: target_name.map(stored),
            targets: None,
            product: product.cloned().map(stored),
            metadata: (!metadata.is_empty()).then(|| JsonObject::from(metadata)),
            source_ip: Some(origin.source_ip),
            user_agent: origin.user_agent.clone(),
            occurred_at: None,
            created_at: now,
            origin: Some(AuditEventOrigin::Service),
        }
    }
}
