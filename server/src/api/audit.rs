//! The operations tagged `audit`.

use super::answers::{Answer, Outcome, outcome_of};
use super::{AdmittedCaller, RegistryApi, answered};
use crate::domain::audit::AuditFilter;
use crate::domain::error::DomainError;
use crate::store::Store;
use tenant_registry_contract::server::{Audit, AuditAppendResponse, AuditListResponse, Principal, RequestMetadata};
use tenant_registry_contract::types::{
    ActorId, AuditAction, AuditAppend, AuditCursor, AuditSince, AuditUntil, PageLimit, ProductKey, TenantId,
};

impl<S: Store> Audit for RegistryApi<S> {
    async fn audit_append(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: AuditAppend,
    ) -> AuditAppendResponse {
        let answer = match self
            .registry
            .audit_append(body, self.caller(&metadata, &principal))
            .await
        {
            Ok(event) => AuditAppendResponse::Created(event),
            Err(DomainError::Rejected(invalid)) => AuditAppendResponse::BadRequest(invalid.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn audit_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: Option<TenantId>,
        product: Option<ProductKey>,
        actor_id: Option<ActorId>,
        action: Option<AuditAction>,
        since: Option<AuditSince>,
        until: Option<AuditUntil>,
        limit: PageLimit,
        cursor: Option<AuditCursor>,
    ) -> AuditListResponse {
        let filter = AuditFilter {
            tenant_id,
            product,
            actor_id,
            action,
            since,
            until,
            cursor,
        };
        let answer = match self
            .registry
            .audit_list(filter, limit, principal.identity().identity.tenant_scope)
            .await
        {
            Ok(page) => AuditListResponse::Ok(page),
            Err(failure) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }
}

impl Answer for AuditAppendResponse {
    const OPERATION: &'static str = "audit_append";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Created(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::PayloadTooLarge(error)
            | Self::UnsupportedMediaType(error)
            | Self::InternalServerError(error)
            | Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}

impl Answer for AuditListResponse {
    const OPERATION: &'static str = "audit_list";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::InternalServerError(error)
            | Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}
