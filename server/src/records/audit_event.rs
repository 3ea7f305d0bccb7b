//! Audit events as they are stored, and queries for them.

use std::net::IpAddr;
use tenant_registry_contract::types::{
    ActorId, AuditAction, AuditCursor, AuditEventId, AuditEventOrigin, AuditEventTarget, JsonObject, ProductKey,
    ProjectId, StoredText, TenantId, Timestamp,
};

/// An audit event without its number, which the store assigns.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAuditEvent {
    /// The tenant that the event belongs to. It has to exist.
    pub tenant_id: Option<TenantId>,
    /// The project. In appended events it can be any id.
    pub project_id: Option<ProjectId>,
    /// The id of the actor.
    pub actor_id: Option<StoredText>,
    /// The display name of the actor.
    pub actor_name: Option<StoredText>,
    /// The kind of the actor.
    pub actor_type: Option<StoredText>,
    /// What was done.
    pub action: StoredText,
    /// The id of the target.
    pub target_id: Option<StoredText>,
    /// The kind of the target.
    pub target_type: Option<StoredText>,
    /// The display name of the target.
    pub target_name: Option<StoredText>,
    /// All targets, if the caller named them.
    pub targets: Option<Vec<AuditEventTarget>>,
    /// The product that the event is about.
    pub product: Option<StoredText>,
    /// Free-form details.
    pub metadata: Option<JsonObject>,
    /// The address that the request came from. `None` if no request caused the event.
    pub source_ip: Option<IpAddr>,
    /// The `User-Agent` of the request.
    pub user_agent: Option<String>,
    /// When it happened, by the caller's clock.
    pub occurred_at: Option<Timestamp>,
    /// When the service recorded the event.
    pub created_at: Timestamp,
    /// The writer of the event. `None` for stored events from before version 2.0.
    pub origin: Option<AuditEventOrigin>,
}

impl NewAuditEvent {
    /// The bytes of the texts and the JSON.
    pub(crate) fn text_bytes(&self) -> usize {
        let texts = [
            &self.actor_id,
            &self.actor_name,
            &self.actor_type,
            &self.target_id,
            &self.target_type,
            &self.target_name,
            &self.product,
        ];
        let texts = texts.into_iter().flatten().map(|text| text.as_str().len());
        // Texts always serialize.
        let targets = self
            .targets
            .as_ref()
            .and_then(|targets| serde_json::to_string(targets).ok());
        let targets = targets.map_or(0, |json| json.len());
        let metadata = self.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
        let user_agent = self.user_agent.as_ref().map_or(0, String::len);
        texts.sum::<usize>() + self.action.as_str().len() + targets + metadata + user_agent
    }
}

/// A stored audit event.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEventRecord {
    /// The number of the event. Numbers increase in the order of insertion.
    pub id: AuditEventId,
    /// The event.
    pub event: NewAuditEvent,
}

/// Selects audit events for one page, newest first. An event has to match every filter that is set.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only events of this tenant.
    pub tenant_id: Option<TenantId>,
    /// Only events of this product.
    pub product: Option<ProductKey>,
    /// Only events of this actor.
    pub actor_id: Option<ActorId>,
    /// Only events with this action.
    pub action: Option<AuditAction>,
    /// Only events at or after this time, in whole microseconds.
    pub since: Option<Timestamp>,
    /// Only events before this time, in whole microseconds.
    pub until: Option<Timestamp>,
    /// Only events that follow the event with this number in the list. In the list of all events, the next event with a
    /// greater number takes the place of a missing one. In the list of a tenant, all events follow a number that is greater
    /// than that of the tenant's newest event, and none follows another one that is not the tenant's. A caller therefore
    /// cannot learn anything about the events of others.
    pub before: Option<AuditCursor>,
    /// The maximum number of events to return.
    pub limit: usize,
    /// The events end once they have this many bytes, counted without what JSON adds to them.
    pub max_bytes: usize,
}

/// The first events that match a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditEventList {
    /// The events. There can be none although others match, if `next` is set.
    pub records: Vec<AuditEventRecord>,
    /// The last event that was looked at, if others may match after it. It matches all filters but those by texts.
    pub next: Option<AuditCursor>,
}
