//! The responses to requests with an `Idempotency-Key`: stored with their change, and deleted when they are old.

use super::Registry;
use super::caller::{Caller, Identity};
use super::error::Failure;
use crate::records::{
    AuditEventRecord, EventBatch, EventWithResponse, IdempotencyRecord, InternalDetail, NewAuditEvent, ResponseContent,
    ResponseToBatch, ResponseToChange, TenantScope,
};
use crate::store::{IdempotencyStore, Store};
use chrono::TimeDelta;
use std::time::Duration;
use tenant_registry_contract::server::{KeyedRequest, Replayable, RequestKey, StoredResponse};
use tenant_registry_contract::types::{TenantId, Timestamp};

/// How many responses one statement deletes. Few enough that it holds their locks only for milliseconds.
const DELETE_MAX: usize = 1_000;

/// A response that cannot be serialized.
fn failed(error: &serde_json::Error) -> Failure {
    Failure::Internal(InternalDetail::new(format!("a response cannot be serialized: {error}")))
}

impl Identity {
    /// What distinguishes this caller from others: the actor and the tenants that it may see. All callers of an open service
    /// are one.
    pub(crate) fn idempotency_scope(&self) -> String {
        let Self { actor, tenant_scope } = self;
        let tenant = match tenant_scope {
            TenantScope::All => "all".to_owned(),
            TenantScope::Only(id) => id.to_string(),
        };
        match actor {
            Some(actor) => format!("{tenant} actor {}", actor.id),
            None => format!("{tenant} anonymous"),
        }
    }
}

impl Caller {
    /// The event of a change, with the body of its response.
    pub(crate) fn with_response<T: Replayable>(
        &self,
        event: NewAuditEvent,
        body: &T,
    ) -> Result<EventWithResponse, Failure> {
        self.with(event, |request| request.success(body))
    }

    /// The event of a change whose response has no body.
    pub(crate) fn with_empty_response(&self, event: NewAuditEvent) -> Result<EventWithResponse, Failure> {
        self.with(event, KeyedRequest::success_without_body)
    }

    /// The event of a change whose response contains a secret. A repeated request gets 409 and this message.
    pub(crate) fn with_secret_response(
        &self,
        event: NewAuditEvent,
        message: impl FnOnce() -> String,
    ) -> Result<EventWithResponse, Failure> {
        self.with(event, |request| request.withheld(message()))
    }

    fn with(
        &self,
        event: NewAuditEvent,
        respond: impl FnOnce(&KeyedRequest) -> Result<StoredResponse, serde_json::Error>,
    ) -> Result<EventWithResponse, Failure> {
        let response = match &self.keyed {
            None => None,
            Some(request) => Some(ResponseToChange {
                content: ResponseContent::Known(respond(request).map_err(|error| failed(&error))?),
                request: request.clone(),
            }),
        };
        Ok(EventWithResponse { event, response })
    }

    /// An event that is the response itself.
    pub(crate) fn with_event_response(
        &self,
        event: NewAuditEvent,
        respond: fn(&KeyedRequest, &AuditEventRecord) -> Result<StoredResponse, serde_json::Error>,
    ) -> EventWithResponse {
        let response = self.keyed.as_ref().map(|request| ResponseToChange {
            request: request.clone(),
            content: ResponseContent::Event(respond),
        });
        EventWithResponse { event, response }
    }

    /// Events that are the response themselves. If all have the same tenant, the response is deleted with it.
    pub(crate) fn with_batch_response(
        &self,
        events: Vec<NewAuditEvent>,
        created_at: Timestamp,
        respond: fn(&KeyedRequest, &[AuditEventRecord]) -> Result<StoredResponse, serde_json::Error>,
    ) -> EventBatch {
        let response = self.keyed.as_ref().map(|request| {
            let first = events.first().and_then(|event| event.tenant_id);
            ResponseToBatch {
                request: request.clone(),
                tenant_id: first.filter(|_| events.iter().all(|event| event.tenant_id == first)),
                created_at,
                respond,
            }
        });
        EventBatch { events, response }
    }
}

impl<S: Store> Registry<S> {
    /// Returns the stored response for this key.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn stored_response(&self, key: &RequestKey) -> Result<Option<StoredResponse>, Failure> {
        Ok(self.store.scoped(TenantScope::All).idempotency_record_get(key).await?)
    }

    /// Stores the response to a request that changed nothing: a change that is made later by another request must not
    /// change what a repetition of this one returns, nor be undone by it.
    ///
    /// # Errors
    /// If the store fails, or has a response for the key.
    pub(crate) async fn store_response<T: Replayable>(
        &self,
        caller: &Caller,
        tenant_id: TenantId,
        body: &T,
    ) -> Result<(), Failure> {
        let Some(request) = &caller.keyed else {
            return Ok(());
        };
        let record = IdempotencyRecord {
            key: request.key().clone(),
            response: request.success(body).map_err(|error| failed(&error))?,
            tenant_id: Some(tenant_id),
            created_at: self.clock.now(),
        };
        if self
            .store
            .scoped(caller.identity.tenant_scope)
            .idempotency_record_create(record)
            .await?
        {
            Ok(())
        } else {
            let detail = "a request with the same Idempotency-Key was faster".to_owned();
            Err(Failure::Unavailable(InternalDetail::new(detail)))
        }
    }

    /// Deletes some of the responses that are older than `retention`. Returns whether there may be more.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn old_responses_delete(&self, retention: Duration) -> Result<bool, Failure> {
        let now = self.clock.now();
        let before = TimeDelta::from_std(retention)
            .ok()
            .and_then(|retention| now.get().checked_sub_signed(retention))
            .and_then(|before| Timestamp::try_from(before).ok());
        let Some(before) = before else {
            return Ok(false);
        };
        Ok(self
            .store
            .scoped(TenantScope::All)
            .idempotency_records_delete(before, DELETE_MAX)
            .await?
            == DELETE_MAX)
    }
}
