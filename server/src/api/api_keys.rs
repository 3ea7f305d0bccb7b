//! The operations tagged `api_keys`.

use super::answers::{Answer, Outcome, outcome_of};
use super::{AdmittedCaller, RegistryApi, answered};
use crate::domain::api_keys::Verification;
use crate::domain::error::DomainError;
use crate::store::Store;
use tenant_registry_contract::server::{
    ApiKeyCreateResponse, ApiKeyListResponse, ApiKeyRevokeResponse, ApiKeyVerifyResponse, ApiKeys, InvalidBody,
    Principal, RequestMetadata, TryLater,
};
use tenant_registry_contract::types::{
    ApiKeyCreate, ApiKeyId, ApiKeyVerify, ApiKeyVerifyReason, ApiKeyVerifyRequest, TenantId,
};

impl<S: Store> ApiKeys for RegistryApi<S> {
    async fn api_key_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: TenantId,
    ) -> ApiKeyListResponse {
        let answer = match self
            .registry
            .api_key_list(tenant_id, principal.identity().identity.tenant_scope)
            .await
        {
            Ok(list) => ApiKeyListResponse::Ok(list),
            Err(DomainError::Rejected(not_found)) => ApiKeyListResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn api_key_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: ApiKeyCreate,
    ) -> ApiKeyCreateResponse {
        let answer = match self
            .registry
            .api_key_create(body, &self.caller(&metadata, &principal))
            .await
        {
            Ok(created) => ApiKeyCreateResponse::Created(created),
            Err(DomainError::Rejected(not_found)) => ApiKeyCreateResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn api_key_revoke(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: ApiKeyId,
    ) -> ApiKeyRevokeResponse {
        let answer = match self
            .registry
            .api_key_revoke(id, &self.caller(&metadata, &principal))
            .await
        {
            Ok(()) => ApiKeyRevokeResponse::NoContent,
            Err(DomainError::Rejected(not_found)) => ApiKeyRevokeResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
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
                // The caller gets the same word for both; whoever runs the service is to blame for one of them alone.
                self.metrics.verified(match later {
                    TryLater::TooManyRequests { .. } => "rate_limited",
                    TryLater::ServiceUnavailable { .. } => ApiKeyVerifyReason::Unavailable.as_str(),
                });
                let verification = Verification::Invalid(ApiKeyVerifyReason::Unavailable);
                return answered(&metadata, ApiKeyVerifyResponse::Ok(verify_result(verification)));
            }
        };
        // What is wrong with the body stays unsaid: the message may quote the key.
        let verification = match body {
            Ok(ApiKeyVerifyRequest { key }) => {
                let tenant_scope = principal.identity().identity.tenant_scope;
                self.registry.api_key_verify(key, tenant_scope).await
            }
            Err(
                InvalidBody::Malformed { .. } | InvalidBody::TooLarge { .. } | InvalidBody::UnsupportedMediaType { .. },
            ) => Ok(Verification::Invalid(ApiKeyVerifyReason::Malformed)),
        };
        let verification = verification.unwrap_or_else(|failure| {
            self.record(ApiKeyVerifyResponse::OPERATION, &metadata, &failure);
            Verification::Invalid(ApiKeyVerifyReason::Unavailable)
        });
        self.metrics.verified(match &verification {
            Verification::Valid { .. } => "valid",
            Verification::Invalid(reason) => reason.as_str(),
        });
        answered(&metadata, ApiKeyVerifyResponse::Ok(verify_result(verification)))
    }
}

fn verify_result(verification: Verification) -> ApiKeyVerify {
    match verification {
        Verification::Valid {
            tenant_id,
            product,
            scopes,
        } => ApiKeyVerify {
            valid: true,
            reason: None,
            tenant_id: Some(tenant_id),
            product,
            scopes: Some(scopes),
        },
        Verification::Invalid(reason) => ApiKeyVerify {
            valid: false,
            reason: Some(reason),
            tenant_id: None,
            product: None,
            scopes: None,
        },
    }
}

impl Answer for ApiKeyListResponse {
    const OPERATION: &'static str = "api_key_list";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::NotFound(error)
            | Self::InternalServerError(error)
            | Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}

impl Answer for ApiKeyCreateResponse {
    const OPERATION: &'static str = "api_key_create";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Created(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::NotFound(error)
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

impl Answer for ApiKeyRevokeResponse {
    const OPERATION: &'static str = "api_key_revoke";

    fn outcome(&self) -> Outcome {
        match self {
            Self::NoContent => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::NotFound(error)
            | Self::InternalServerError(error)
            | Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}

impl Answer for ApiKeyVerifyResponse {
    const OPERATION: &'static str = "api_key_verify";

    fn outcome(&self) -> Outcome {
        let result = match self {
            Self::Ok(result) => result,
            Self::Forbidden(error) => return outcome_of(error),
        };
        match result.reason {
            None => Outcome::Done,
            Some(
                ApiKeyVerifyReason::Malformed
                | ApiKeyVerifyReason::Unknown
                | ApiKeyVerifyReason::Revoked
                | ApiKeyVerifyReason::TenantInactive,
            ) => Outcome::Refused,
            Some(ApiKeyVerifyReason::Unavailable) => Outcome::Failed,
        }
    }
}
