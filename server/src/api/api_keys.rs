//! The operations tagged `api_keys`.

use super::{AdmittedCaller, RegistryApi};
use crate::domain::api_key_verification::Verification;
use crate::domain::error::{
    ApiKeyCreateError, ApiKeyRevokeError, ApiKeyRotateError, ApiKeyUpdateError, DomainError, Failure, ListError,
};
use crate::store::Store;
use tenant_registry_contract::server::{
    ApiKeyCreateResponse, ApiKeyGetParams, ApiKeyGetResponse, ApiKeyListParams, ApiKeyListResponse, ApiKeyRevokeParams,
    ApiKeyRevokeResponse, ApiKeyRotateParams, ApiKeyRotateResponse, ApiKeyUpdateParams, ApiKeyUpdateResponse,
    ApiKeyVerifyBatchResponse, ApiKeyVerifyResponse, ApiKeys, InvalidBody, KeyedRequest, OperationResponse, Principal,
    RequestMetadata, TryLater,
};
use tenant_registry_contract::types::{
    ApiKeyCreate, ApiKeyRotate, ApiKeyUpdate, ApiKeyVerify, ApiKeyVerifyBatch, ApiKeyVerifyBatchResult,
    ApiKeyVerifyReason, ApiKeyVerifyRequest,
};

impl<S: Store> ApiKeys for RegistryApi<S> {
    async fn api_key_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ApiKeyListParams,
    ) -> ApiKeyListResponse {
        match self.registry.api_key_list(params, principal.tenant_scope()).await {
            Ok(page) => ApiKeyListResponse::Ok(page),
            Err(DomainError::Rejected(ListError::InvalidInput(error))) => ApiKeyListResponse::BadRequest(error.into()),
            Err(DomainError::Rejected(ListError::NotFound(error))) => ApiKeyListResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: ApiKeyCreate,
    ) -> ApiKeyCreateResponse {
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.api_key_create(body, &caller).await {
            Ok(created) => ApiKeyCreateResponse::Created(created),
            Err(DomainError::Rejected(error)) => match error {
                ApiKeyCreateError::InvalidInput(error) => ApiKeyCreateResponse::BadRequest(error.into()),
                ApiKeyCreateError::NotFound(error) => ApiKeyCreateResponse::NotFound(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ApiKeyGetParams,
    ) -> ApiKeyGetResponse {
        let ApiKeyGetParams { id } = params;
        match self.registry.api_key_get(id, principal.tenant_scope()).await {
            Ok(api_key) => ApiKeyGetResponse::Ok(api_key),
            Err(DomainError::Rejected(error)) => ApiKeyGetResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_update(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ApiKeyUpdateParams,
        body: ApiKeyUpdate,
    ) -> ApiKeyUpdateResponse {
        let ApiKeyUpdateParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.api_key_update(id, if_match, body, &caller).await {
            Ok(api_key) => ApiKeyUpdateResponse::Ok(api_key),
            Err(DomainError::Rejected(error)) => match error {
                ApiKeyUpdateError::InvalidInput(error) => ApiKeyUpdateResponse::BadRequest(error.into()),
                ApiKeyUpdateError::NotFound(error) => ApiKeyUpdateResponse::NotFound(error.into()),
                ApiKeyUpdateError::Conflict(error) => ApiKeyUpdateResponse::Conflict(error.into()),
                ApiKeyUpdateError::PreconditionFailed(error) => ApiKeyUpdateResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_rotate(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        params: ApiKeyRotateParams,
        body: Option<ApiKeyRotate>,
    ) -> ApiKeyRotateResponse {
        let ApiKeyRotateParams { id, if_match } = params;
        let ApiKeyRotate { overlap_seconds } = body.unwrap_or_default();
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self
            .registry
            .api_key_rotate(id, if_match, overlap_seconds, &caller)
            .await
        {
            Ok(created) => ApiKeyRotateResponse::Created(created),
            Err(DomainError::Rejected(error)) => match error {
                ApiKeyRotateError::NotFound(error) => ApiKeyRotateResponse::NotFound(error.into()),
                ApiKeyRotateError::Conflict(error) => ApiKeyRotateResponse::Conflict(error.into()),
                ApiKeyRotateError::PreconditionFailed(error) => ApiKeyRotateResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_revoke(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ApiKeyRevokeParams,
    ) -> ApiKeyRevokeResponse {
        let ApiKeyRevokeParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.api_key_revoke(id, if_match, &caller).await {
            Ok(()) => ApiKeyRevokeResponse::NoContent,
            Err(DomainError::Rejected(error)) => match error {
                ApiKeyRevokeError::NotFound(error) => ApiKeyRevokeResponse::NotFound(error.into()),
                ApiKeyRevokeError::PreconditionFailed(error) => ApiKeyRevokeResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn api_key_verify(
        &self,
        metadata: RequestMetadata,
        principal: Result<Principal<AdmittedCaller>, TryLater>,
        body: Result<ApiKeyVerifyRequest, InvalidBody>,
    ) -> ApiKeyVerifyResponse {
        let principal = match principal {
            Ok(principal) => principal,
            Err(later) => {
                // The caller sees one reason for both. The metric separates them: only the second is a fault of the service.
                self.metrics.verified(match later {
                    TryLater::TooManyRequests { .. } => "rate_limited",
                    TryLater::ServiceUnavailable { .. } => ApiKeyVerifyReason::Unavailable.as_str(),
                });
                let verification = Verification::Invalid(ApiKeyVerifyReason::Unavailable);
                return ApiKeyVerifyResponse::Ok(verify_result(verification));
            }
        };
        let verification = match body {
            Ok(request) => self.registry.api_key_verify(request, &principal.identity).await,
            // The message is not shown: it may quote the key.
            Err(
                InvalidBody::Malformed { .. }
                | InvalidBody::TooLarge { .. }
                | InvalidBody::UnsupportedMediaType { .. }
                | InvalidBody::UnsupportedContentCoding { .. },
            ) => Ok(Verification::Invalid(ApiKeyVerifyReason::Malformed)),
        };
        ApiKeyVerifyResponse::Ok(self.verified(ApiKeyVerifyResponse::OPERATION, &metadata, verification))
    }

    async fn api_key_verify_batch(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: ApiKeyVerifyBatch,
    ) -> ApiKeyVerifyBatchResponse {
        let ApiKeyVerifyBatch { keys } = body;
        let verifications = self.registry.api_key_verify_batch(keys, &principal.identity).await;
        let results = verifications
            .into_iter()
            .map(|verification| self.verified(ApiKeyVerifyBatchResponse::OPERATION, &metadata, verification));
        ApiKeyVerifyBatchResponse::Ok(ApiKeyVerifyBatchResult {
            results: results.collect(),
        })
    }
}

impl<S: Store> RegistryApi<S> {
    /// The result of a verification. Counts it, and records its failure.
    fn verified(
        &self,
        operation: &'static str,
        metadata: &RequestMetadata,
        verification: Result<Verification, Failure>,
    ) -> ApiKeyVerify {
        let verification = verification.unwrap_or_else(|failure| {
            self.record(operation, metadata, &failure);
            Verification::Invalid(ApiKeyVerifyReason::Unavailable)
        });
        self.metrics.verified(match &verification {
            Verification::Valid { .. } => "valid",
            Verification::Invalid(reason) => reason.as_str(),
        });
        verify_result(verification)
    }
}

fn verify_result(verification: Verification) -> ApiKeyVerify {
    match verification {
        Verification::Valid {
            api_key_id,
            tenant_id,
            project_id,
            product,
            scopes,
            expires_at,
        } => ApiKeyVerify {
            valid: true,
            reason: None,
            api_key_id: Some(api_key_id),
            tenant_id: Some(tenant_id),
            project_id,
            product,
            scopes: Some(scopes),
            expires_at,
        },
        Verification::Invalid(reason) => ApiKeyVerify {
            valid: false,
            reason: Some(reason),
            api_key_id: None,
            tenant_id: None,
            project_id: None,
            product: None,
            scopes: None,
            expires_at: None,
        },
    }
}
