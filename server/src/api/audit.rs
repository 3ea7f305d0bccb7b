//! The operations tagged `audit`.

use super::{AdmittedCaller, RegistryApi};
use crate::domain::error::{AuditAppendBatchError, DomainError};
use crate::store::Store;
use tenant_registry_contract::server::{
    Audit, AuditAppendBatchResponse, AuditAppendResponse, AuditGetParams, AuditGetResponse, AuditListParams,
    AuditListResponse, KeyedRequest, Principal, RequestMetadata,
};
use tenant_registry_contract::types::{AuditAppend, AuditAppendBatch};

impl<S: Store> Audit for RegistryApi<S> {
    async fn audit_append(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: AuditAppend,
    ) -> AuditAppendResponse {
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.audit_append(body, caller).await {
            Ok(event) => AuditAppendResponse::Created(event),
            Err(DomainError::Rejected(error)) => AuditAppendResponse::BadRequest(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn audit_append_batch(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: AuditAppendBatch,
    ) -> AuditAppendBatchResponse {
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.audit_append_batch(body, &caller).await {
            Ok(result) => AuditAppendBatchResponse::Created(result),
            Err(DomainError::Rejected(error)) => match error {
                AuditAppendBatchError::InvalidMembers(error) => AuditAppendBatchResponse::BadRequest(error.into()),
                AuditAppendBatchError::TooLarge(error) => AuditAppendBatchResponse::PayloadTooLarge(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn audit_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: AuditListParams,
    ) -> AuditListResponse {
        match self.registry.audit_list(params, principal.tenant_scope()).await {
            Ok(page) => AuditListResponse::Ok(page),
            Err(failure) => self.failed(&metadata, failure),
        }
    }

    async fn audit_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: AuditGetParams,
    ) -> AuditGetResponse {
        let AuditGetParams { id } = params;
        match self.registry.audit_get(id, principal.tenant_scope()).await {
            Ok(event) => AuditGetResponse::Ok(event),
            Err(DomainError::Rejected(error)) => AuditGetResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }
}
