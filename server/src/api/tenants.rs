//! The operations tagged `tenants`.

use super::answers::{Answer, Outcome, outcome_of};
use super::{AdmittedCaller, RegistryApi, answered};
use crate::domain::error::{DomainError, TenantChangeError, TenantCreateError};
use crate::store::Store;
use tenant_registry_contract::server::{
    EntitlementListResponse, Principal, RequestMetadata, TenantActivateResponse, TenantCancelResponse,
    TenantCreateResponse, TenantGetBySlugResponse, TenantGetResponse, Tenants,
};
use tenant_registry_contract::types::{TenantActivate, TenantCancel, TenantCreate, TenantId, TenantSlug};

impl<S: Store> Tenants for RegistryApi<S> {
    async fn tenant_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: TenantCreate,
    ) -> TenantCreateResponse {
        let answer = match self
            .registry
            .tenant_create(body, &self.caller(&metadata, &principal))
            .await
        {
            Ok(tenant) => TenantCreateResponse::Created(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantCreateError::Forbidden(forbidden) => TenantCreateResponse::Forbidden(forbidden.into()),
                TenantCreateError::Conflict(conflict) => TenantCreateResponse::Conflict(conflict.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn tenant_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
    ) -> TenantGetResponse {
        let answer = match self
            .registry
            .tenant_get(id, principal.identity().identity.tenant_scope)
            .await
        {
            Ok(tenant) => TenantGetResponse::Ok(tenant),
            Err(DomainError::Rejected(not_found)) => TenantGetResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn tenant_get_by_slug(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        slug: TenantSlug,
    ) -> TenantGetBySlugResponse {
        let answer = match self
            .registry
            .tenant_get_by_slug(slug, principal.identity().identity.tenant_scope)
            .await
        {
            Ok(tenant) => TenantGetBySlugResponse::Ok(tenant),
            Err(DomainError::Rejected(not_found)) => TenantGetBySlugResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn tenant_activate(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
        body: Option<TenantActivate>,
    ) -> TenantActivateResponse {
        let body = body.unwrap_or_default();
        let answer = match self
            .registry
            .tenant_activate(id, body, &self.caller(&metadata, &principal))
            .await
        {
            Ok(tenant) => TenantActivateResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(invalid) => TenantActivateResponse::BadRequest(invalid.into()),
                TenantChangeError::NotFound(not_found) => TenantActivateResponse::NotFound(not_found.into()),
                TenantChangeError::Conflict(conflict) => TenantActivateResponse::Conflict(conflict.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn tenant_cancel(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
        body: Option<TenantCancel>,
    ) -> TenantCancelResponse {
        let TenantCancel { reason, at_period_end } = body.unwrap_or_default();
        let caller = self.caller(&metadata, &principal);
        let answer = match self.registry.tenant_cancel(id, reason, at_period_end, &caller).await {
            Ok(tenant) => TenantCancelResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(invalid) => TenantCancelResponse::BadRequest(invalid.into()),
                TenantChangeError::NotFound(not_found) => TenantCancelResponse::NotFound(not_found.into()),
                TenantChangeError::Conflict(conflict) => TenantCancelResponse::Conflict(conflict.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn entitlement_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: TenantId,
    ) -> EntitlementListResponse {
        let answer = match self
            .registry
            .entitlement_list(tenant_id, principal.identity().identity.tenant_scope)
            .await
        {
            Ok(list) => EntitlementListResponse::Ok(list),
            Err(DomainError::Rejected(not_found)) => EntitlementListResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }
}

impl Answer for TenantCreateResponse {
    const OPERATION: &'static str = "tenant_create";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Created(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::Conflict(error)
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

impl Answer for TenantGetResponse {
    const OPERATION: &'static str = "tenant_get";

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

impl Answer for TenantGetBySlugResponse {
    const OPERATION: &'static str = "tenant_get_by_slug";

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

impl Answer for TenantActivateResponse {
    const OPERATION: &'static str = "tenant_activate";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::NotFound(error)
            | Self::Conflict(error)
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

impl Answer for TenantCancelResponse {
    const OPERATION: &'static str = "tenant_cancel";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(_) => Outcome::Done,
            Self::BadRequest(error)
            | Self::Forbidden(error)
            | Self::NotFound(error)
            | Self::Conflict(error)
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

impl Answer for EntitlementListResponse {
    const OPERATION: &'static str = "entitlement_list";

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
