//! The rules of the audit log: appending, reading and listing events.

use super::Registry;
use super::caller::{Actor, Caller, Identity};
use super::error::{AuditAppendBatchError, DomainError, Failure, InvalidInput, InvalidMembers, NotFound, TooLarge};
use super::page_bytes::{EMPTY_PAGE_BYTES, items_within};
use crate::records::{
    AuditEventList, AuditEventRecord, AuditQuery, InternalDetail, NewAuditEvent, TenantScope, stored,
};
use crate::store::{AuditAppended, AuditBatchAppended, AuditStore, Store};
use tenant_registry_contract::server::AuditListParams;
use tenant_registry_contract::types::{
    ActorId, AuditAction, AuditAppend, AuditAppendBatch, AuditAppendBatchResult, AuditCursor, AuditEvent, AuditEventId,
    AuditEventOrigin, AuditEventPage, AuditEventTarget, AuditTarget, ConstraintError, FieldError, ProductKey, TenantId,
    Text, Timestamp,
};

impl AuditEventRecord {
    fn into_audit_event(self) -> AuditEvent {
        let Self { id, event } = self;
        AuditEvent {
            id,
            tenant_id: event.tenant_id,
            project_id: event.project_id,
            actor_id: event.actor_id,
            actor_name: event.actor_name,
            actor_type: event.actor_type,
            action: event.action,
            target_id: event.target_id,
            target_type: event.target_type,
            target_name: event.target_name,
            targets: event.targets,
            product: event.product,
            metadata: event.metadata,
            source_ip: event.source_ip.map(|address| address.to_string()),
            user_agent: event.user_agent,
            occurred_at: event.occurred_at,
            created_at: event.created_at,
            origin: event.origin,
        }
    }
}

fn stored_target(target: AuditTarget) -> AuditEventTarget {
    let AuditTarget { id, type_, name } = target;
    AuditEventTarget {
        id: stored::<Text>(id),
        type_: stored::<Text>(type_),
        name: name.map(stored::<Text>),
    }
}

const NO_TENANT_HAS_THIS_ID: &str = "no tenant has this id";

fn tenant_not_found() -> InvalidInput {
    InvalidInput(format!("`tenant_id`: {NO_TENANT_HAS_THIS_ID}"))
}

/// The error for the events of a batch whose tenants do not exist, if there are any.
fn tenants_not_found(tenants: &[Option<TenantId>], is_missing: impl Fn(TenantId) -> bool) -> Option<InvalidMembers> {
    let mut errors = tenants
        .iter()
        .enumerate()
        .filter(|(_, tenant_id)| tenant_id.is_some_and(&is_missing))
        .map(|(place, _)| FieldError {
            field: format!("events[{place}].tenant_id"),
            message: NO_TENANT_HAS_THIS_ID.to_owned(),
        });
    Some(InvalidMembers {
        first: errors.next()?,
        others: errors.collect(),
    })
}

/// A new event. An authenticated caller is its actor, whatever the body says. If the caller's tenant scope is one tenant, an
/// event without a tenant belongs to that tenant.
fn new_event(body: AuditAppend, caller: &Caller, created_at: Timestamp) -> NewAuditEvent {
    let AuditAppend {
        tenant_id,
        project_id,
        actor_id,
        actor_name,
        actor_type,
        action,
        target_id,
        target_type,
        target_name,
        targets,
        product,
        occurred_at,
        metadata,
    } = body;
    let Caller {
        identity,
        origin,
        keyed: _,
    } = caller;
    let Identity { actor, tenant_scope } = identity;
    let tenant_id = match (tenant_scope, tenant_id) {
        (TenantScope::Only(own), None) => Some(*own),
        (TenantScope::All | TenantScope::Only(_), given) => given,
    };
    let (actor_id, actor_name, actor_type) = match actor.as_deref() {
        Some(Actor { id, name, kind }) => (
            Some(stored(id.clone())),
            name.clone().map(stored),
            Some(stored(kind.clone())),
        ),
        None => (
            actor_id.map(stored::<ActorId>),
            actor_name.map(stored::<Text>),
            actor_type.map(stored::<Text>),
        ),
    };
    NewAuditEvent {
        tenant_id,
        project_id,
        actor_id,
        actor_name,
        actor_type,
        action: stored::<AuditAction>(action),
        target_id: target_id.map(stored::<Text>),
        target_type: target_type.map(stored::<Text>),
        target_name: target_name.map(stored::<Text>),
        targets: targets.map(|targets| targets.into_iter().map(stored_target).collect()),
        product: product.map(stored::<ProductKey>),
        metadata,
        source_ip: Some(origin.source_ip),
        user_agent: origin.user_agent.clone(),
        occurred_at,
        created_at,
        origin: Some(AuditEventOrigin::Caller),
    }
}

fn batch_result(records: Vec<AuditEventRecord>) -> AuditAppendBatchResult {
    AuditAppendBatchResult {
        items: records.into_iter().map(AuditEventRecord::into_audit_event).collect(),
    }
}

impl<S: Store> Registry<S> {
    /// Appends an event. An authenticated caller is its actor, whatever the body says. If the caller's tenant scope is one
    /// tenant, the event belongs to that tenant.
    ///
    /// # Errors
    /// [`InvalidInput`] if the tenant does not exist.
    pub async fn audit_append(
        &self,
        body: AuditAppend,
        caller: Caller,
    ) -> Result<AuditEvent, DomainError<InvalidInput>> {
        let tenant_scope = caller.identity.tenant_scope;
        let event = new_event(body, &caller, self.clock.now());
        if !event.tenant_id.is_none_or(|id| tenant_scope.includes(id)) {
            return Err(DomainError::rejected(tenant_not_found()));
        }
        let event = caller.with_event_response(event, |request, record| {
            request.success(&record.clone().into_audit_event())
        });
        match self.store.scoped(tenant_scope).audit_append(event).await? {
            AuditAppended::Appended(record) => Ok(record.into_audit_event()),
            AuditAppended::TenantNotFound => Err(DomainError::rejected(tenant_not_found())),
        }
    }

    /// Appends events, all or none, each as [`Registry::audit_append`] does.
    ///
    /// # Errors
    /// [`InvalidMembers`] if tenants do not exist, [`TooLarge`] if the response would be too large.
    pub async fn audit_append_batch(
        &self,
        body: AuditAppendBatch,
        caller: &Caller,
    ) -> Result<AuditAppendBatchResult, DomainError<AuditAppendBatchError>> {
        let AuditAppendBatch { events } = body;
        let tenant_scope = caller.identity.tenant_scope;
        let created_at = self.clock.now();
        let events: Vec<NewAuditEvent> = events
            .into_iter()
            .map(|event| new_event(event, caller, created_at))
            .collect();
        let tenants: Vec<Option<TenantId>> = events.iter().map(|event| event.tenant_id).collect();
        if let Some(error) = tenants_not_found(&tenants, |id| !tenant_scope.includes(id)) {
            return Err(DomainError::rejected(error));
        }
        if !fit_into_a_response(&events)? {
            return Err(DomainError::rejected(TooLarge(format!(
                "the response would have more than {} bytes; append the events in several batches",
                AuditAppendBatchResult::MAX_BYTES
            ))));
        }
        let batch = caller.with_batch_response(events, created_at, |request, records| {
            request.success(&batch_result(records.to_vec()))
        });
        match self.store.scoped(tenant_scope).audit_append_batch(batch).await? {
            AuditBatchAppended::Appended(records) => Ok(batch_result(records)),
            AuditBatchAppended::TenantsNotFound(missing) => {
                let error = tenants_not_found(&tenants, |id| missing.contains(&id));
                Err(error.map_or_else(
                    || {
                        DomainError::Failed(Failure::Internal(InternalDetail::new(
                            "no event has these tenants".to_owned(),
                        )))
                    },
                    DomainError::rejected,
                ))
            }
        }
    }

    /// Returns an event. For a caller whose tenant scope is one tenant, only events of that tenant exist.
    ///
    /// # Errors
    /// [`NotFound`] if the event does not exist.
    pub async fn audit_get(
        &self,
        id: AuditEventId,
        tenant_scope: TenantScope,
    ) -> Result<AuditEvent, DomainError<NotFound>> {
        let found = self.store.scoped(tenant_scope).audit_get(id).await?;
        let visible = found.filter(|record| match tenant_scope {
            TenantScope::All => true,
            TenantScope::Only(own) => record.event.tenant_id == Some(own),
        });
        match visible {
            Some(record) => Ok(record.into_audit_event()),
            None => Err(DomainError::rejected(NotFound(format!(
                "no audit event has the id {id}"
            )))),
        }
    }

    /// Lists a page of the log, newest first. Shows only events in the caller's tenant scope.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn audit_list(
        &self,
        params: AuditListParams,
        tenant_scope: TenantScope,
    ) -> Result<AuditEventPage, Failure> {
        let AuditListParams {
            tenant_id,
            product,
            actor_id,
            action,
            since,
            until,
            limit,
            cursor,
        } = params;
        let tenant_id = match (tenant_scope, tenant_id) {
            (TenantScope::All, asked) => asked,
            (TenantScope::Only(own), None) => Some(own),
            (TenantScope::Only(own), Some(asked)) if own == asked => Some(own),
            (TenantScope::Only(_), Some(_)) => {
                return Ok(AuditEventPage {
                    items: Vec::new(),
                    next_cursor: None,
                });
            }
        };
        let page_size = limit.get().unsigned_abs() as usize;
        let query = AuditQuery {
            tenant_id,
            product,
            actor_id,
            action,
            since,
            until,
            before: cursor,
            limit: page_size,
            max_bytes: AuditEventPage::MAX_BYTES,
        };
        Ok(page(self.store.scoped(tenant_scope).audit_list(query).await?))
    }
}

/// More bytes than the JSON of an event has beside its texts and metadata: the names of members, ids, times and an address.
const OTHER_BYTES_MAX: usize = 1024;

/// More bytes than JSON has for a byte of text: a control character becomes `\u0001`.
const ESCAPED_BYTES_MAX: usize = 6;

/// More bytes than the JSON of an event has.
fn json_bytes_at_most(event: &NewAuditEvent) -> usize {
    event.text_bytes() * ESCAPED_BYTES_MAX + OTHER_BYTES_MAX
}

/// Whether the response with these events is not too large, whatever numbers they get.
fn fit_into_a_response(events: &[NewAuditEvent]) -> Result<bool, ConstraintError> {
    let max_bytes = AuditAppendBatchResult::MAX_BYTES;
    // Saves writing the JSON of almost every batch twice.
    if events.iter().map(json_bytes_at_most).sum::<usize>() + EMPTY_PAGE_BYTES <= max_bytes {
        return Ok(true);
    }
    let id = AuditEventId::try_from(i64::MAX)?;
    let events = events
        .iter()
        .cloned()
        .map(|event| AuditEventRecord { id, event }.into_audit_event());
    let (_, is_cut) = items_within(events, max_bytes);
    Ok(!is_cut)
}

/// The page of these events. It ends before its JSON is too large. A single event that is too large has its own page.
fn page(list: AuditEventList) -> AuditEventPage {
    let AuditEventList { records, next } = list;
    let at_most = |record: &AuditEventRecord| json_bytes_at_most(&record.event);
    // Saves writing the JSON of almost every page twice.
    let is_small = records.iter().map(at_most).sum::<usize>() + EMPTY_PAGE_BYTES <= AuditEventPage::MAX_BYTES;
    let events = records.into_iter().map(AuditEventRecord::into_audit_event);
    let (items, is_cut) = if is_small {
        (events.collect(), false)
    } else {
        items_within(events, AuditEventPage::MAX_BYTES)
    };
    let next_cursor = match items.last() {
        Some(last) if is_cut => Some(AuditCursor::from(last.id.get())),
        Some(_) | None => next,
    };
    AuditEventPage { items, next_cursor }
}
