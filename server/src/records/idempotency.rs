//! Idempotency records: the responses to requests with an `Idempotency-Key`.

use super::{AuditEventRecord, NewAuditEvent};
use tenant_registry_contract::server::{KeyedRequest, RequestKey, StoredResponse};
use tenant_registry_contract::types::{TenantId, Timestamp};

/// An idempotency record.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    /// The key of the request.
    pub key: RequestKey,
    /// The response that is repeated.
    pub response: StoredResponse,
    /// The tenant of the change. The record is deleted with it.
    pub tenant_id: Option<TenantId>,
    /// When the response was stored.
    pub created_at: Timestamp,
}

/// The response to a request with an `Idempotency-Key`, before the change is written.
#[derive(Clone, Debug)]
pub struct ResponseToChange {
    /// The request.
    pub request: KeyedRequest,
    /// The response.
    pub content: ResponseContent,
}

/// What a response contains.
#[derive(Clone, Debug)]
pub enum ResponseContent {
    /// What is known before the change is written.
    Known(StoredResponse),
    /// The audit event, which has its number only when it is written.
    Event(fn(&KeyedRequest, &AuditEventRecord) -> Result<StoredResponse, serde_json::Error>),
}

impl ResponseToChange {
    /// The record to write together with the event of the change.
    pub(crate) fn record(&self, event: &AuditEventRecord) -> Result<IdempotencyRecord, serde_json::Error> {
        let Self { request, content } = self;
        Ok(IdempotencyRecord {
            key: request.key().clone(),
            response: match content {
                ResponseContent::Known(response) => response.clone(),
                ResponseContent::Event(respond) => respond(request, event)?,
            },
            tenant_id: event.event.tenant_id,
            created_at: event.event.created_at,
        })
    }
}

/// The response to a request that appends several audit events and has an `Idempotency-Key`, before they are written.
#[derive(Clone, Debug)]
pub struct ResponseToBatch {
    /// The request.
    pub request: KeyedRequest,
    /// The tenant of all events, if they have the same.
    pub tenant_id: Option<TenantId>,
    /// When the events are stored.
    pub created_at: Timestamp,
    /// The response, once the events have their numbers.
    pub respond: fn(&KeyedRequest, &[AuditEventRecord]) -> Result<StoredResponse, serde_json::Error>,
}

impl ResponseToBatch {
    /// The record to write together with the events.
    pub(crate) fn record(&self, events: &[AuditEventRecord]) -> Result<IdempotencyRecord, serde_json::Error> {
        let Self {
            request,
            tenant_id,
            created_at,
            respond,
        } = self;
        Ok(IdempotencyRecord {
            key: request.key().clone(),
            response: respond(request, events)?,
            tenant_id: *tenant_id,
            created_at: *created_at,
        })
    }
}

/// Audit events that a caller appends together and, if the request has an `Idempotency-Key`, its response. A store writes all
/// of it or nothing.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// The events, in the order of their numbers.
    pub events: Vec<NewAuditEvent>,
    /// The response.
    pub response: Option<ResponseToBatch>,
}

/// The audit event of a change and, if the request has an `Idempotency-Key`, its response. A store writes both with the
/// change, or nothing.
#[derive(Clone, Debug)]
pub struct EventWithResponse {
    /// The audit event.
    pub event: NewAuditEvent,
    /// The response.
    pub response: Option<ResponseToChange>,
}

impl From<NewAuditEvent> for EventWithResponse {
    fn from(event: NewAuditEvent) -> Self {
        Self { event, response: None }
    }
}
