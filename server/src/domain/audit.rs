//! The rules of the audit log: appending and listing events.

use super::Registry;
use super::caller::{Actor, Caller, Identity, TenantScope};
use super::error::{DomainError, Failure, InvalidInput};
use crate::records::{AuditEventRecord, AuditQuery, NewAuditEvent};

use crate::store::{AuditAppended, Store};
use tenant_registry_contract::server::AuditListParams;
use tenant_registry_contract::types::{AuditAppend, AuditCursor, AuditEvent, AuditEventOrigin, AuditEventPage};

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
            product: event.product,
            metadata: event.metadata,
            source_ip: event.source_ip.map(|address| address.to_string()),
            user_agent: event.user_agent,
            created_at: event.created_at,
            origin: event.origin,
        }
    }
}

fn tenant_not_found() -> InvalidInput {
    InvalidInput("`tenant_id`: no tenant has this id".to_owned())
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
            product,
            metadata,
        } = body;
        let Caller { identity, origin } = caller;
        let Identity { actor, tenant_scope } = identity;
        let tenant_id = match (tenant_scope, tenant_id) {
            (TenantScope::Only(own), None) => Some(own),
            (TenantScope::All | TenantScope::Only(_), given) => given,
        };
        if tenant_id.is_some_and(|it| !tenant_scope.includes(it)) {
            return Err(DomainError::rejected(tenant_not_found()));
        }
        let (actor_id, actor_name, actor_type) = match actor.as_deref() {
            Some(Actor { id, name, kind }) => (Some(id.clone()), name.clone(), Some(kind.clone())),
            None => (actor_id, actor_name, actor_type),
        };
        let event = NewAuditEvent {
            tenant_id,
            project_id,
            actor_id,
            actor_name,
            actor_type,
            action,
            target_id,
            target_type,
            target_name,
            product,
            metadata,
            source_ip: Some(origin.source_ip),
            user_agent: origin.user_agent,
            created_at: self.clock.now(),
            origin: Some(AuditEventOrigin::Caller),
        };
        match self.store.audit_append(event).await? {
            AuditAppended::Appended(record) => Ok(record.into_audit_event()),
            AuditAppended::TenantNotFound => Err(DomainError::rejected(tenant_not_found())),
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
            // One more than the page holds, to know whether another page follows.
            limit: page_size + 1,
        };
        let mut records = self.store.audit_list(query).await?;
        let is_last_page = records.len() <= page_size;
        records.truncate(page_size);
        let next_cursor = match records.last() {
            Some(last) if !is_last_page => Some(AuditCursor::from(last.id.get())),
            Some(_) | None => None,
        };
        Ok(AuditEventPage {
            items: records.into_iter().map(AuditEventRecord::into_audit_event).collect(),
            next_cursor,
        })
    }
}
