//! The audit events that the service writes for its own state changes.

use super::caller::Caller;
use crate::records::NewAuditEvent;
use serde_json::{Map, Value};
use tenant_registry_contract::types::{
    AuditAction, AuditEventOrigin, ConstraintError, ProductKey, TenantId, Text, Timestamp,
};

/// The state change that an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceAction {
    TenantCreated,
    TenantActivated,
    TenantCancelled,
    CatalogRequested,
    CatalogTrialStarted,
    ApiKeyCreated,
    ApiKeyRevoked,
}

impl ServiceAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant.created",
            Self::TenantActivated => "tenant.activated",
            Self::TenantCancelled => "tenant.cancelled",
            Self::CatalogRequested => "catalog.requested",
            Self::CatalogTrialStarted => "catalog.trial_started",
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyRevoked => "api_key.revoked",
        }
    }

    fn target_type(self) -> &'static str {
        match self {
            Self::TenantCreated | Self::TenantActivated | Self::TenantCancelled => "tenant",
            Self::CatalogRequested | Self::CatalogTrialStarted => "product",
            Self::ApiKeyCreated | Self::ApiKeyRevoked => "api_key",
        }
    }
}

/// An audit event about a state change.
pub(crate) struct ServiceEvent<'a> {
    pub(crate) action: ServiceAction,
    pub(crate) tenant_id: TenantId,
    pub(crate) target_id: String,
    pub(crate) target_name: Option<&'a str>,
    pub(crate) product: Option<&'a ProductKey>,
    pub(crate) metadata: Map<String, Value>,
}

impl ServiceEvent<'_> {
    /// Adds the caller who caused the event.
    pub(crate) fn caused_by(self, caller: &Caller, now: Timestamp) -> Result<NewAuditEvent, ConstraintError> {
        let Self {
            action,
            tenant_id,
            target_id,
            target_name,
            product,
            metadata,
        } = self;
        let Caller { identity, origin } = caller;
        let actor = identity.actor.as_deref();
        Ok(NewAuditEvent {
            tenant_id: Some(tenant_id),
            project_id: None,
            actor_id: actor.map(|it| it.id.clone()),
            actor_name: actor.and_then(|it| it.name.clone()),
            actor_type: actor.map(|it| it.kind.clone()),
            action: AuditAction::try_from(action.as_str())?,
            target_id: Some(Text::try_from(target_id)?),
            target_type: Some(Text::try_from(action.target_type())?),
            // Only for display: a name that is not a valid `Text` is left out rather than rejecting the change.
            target_name: target_name.and_then(|name| Text::try_from(name).ok()),
            product: product.cloned(),
            metadata: (!metadata.is_empty()).then_some(metadata),
            source_ip: Some(origin.source_ip),
            user_agent: origin.user_agent.clone(),
            created_at: now,
            origin: Some(AuditEventOrigin::Service),
        })
    }
}
