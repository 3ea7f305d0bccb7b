//! The operations tagged `catalog`.

use super::answers::{Answer, Outcome, outcome_of};
use super::{AdmittedCaller, RegistryApi, answered};
use crate::domain::error::{DomainError, TenantChangeError};
use crate::store::Store;
use tenant_registry_contract::server::{
    Catalog, CatalogListResponse, CatalogRequestResponse, CatalogTrialRequestResponse, Principal, RequestMetadata,
};
use tenant_registry_contract::types::CatalogRequest;

impl<S: Store> Catalog for RegistryApi<S> {
    async fn catalog_list(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<AdmittedCaller>,
    ) -> CatalogListResponse {
        answered(&metadata, CatalogListResponse::Ok(self.registry.catalog_list()))
    }

    async fn catalog_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: CatalogRequest,
    ) -> CatalogRequestResponse {
        let CatalogRequest { tenant_id, product } = body;
        let caller = self.caller(&metadata, &principal);
        let answer = match self.registry.catalog_request(tenant_id, product, &caller).await {
            Ok(()) => CatalogRequestResponse::Accepted,
            Err(DomainError::Rejected(not_found)) => CatalogRequestResponse::NotFound(not_found.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }

    async fn catalog_trial_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        body: CatalogRequest,
    ) -> CatalogTrialRequestResponse {
        let CatalogRequest { tenant_id, product } = body;
        let caller = self.caller(&metadata, &principal);
        let answer = match self.registry.catalog_trial_request(tenant_id, product, &caller).await {
            Ok(entitlement) => CatalogTrialRequestResponse::Created(entitlement),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(invalid) => CatalogTrialRequestResponse::BadRequest(invalid.into()),
                TenantChangeError::NotFound(not_found) => CatalogTrialRequestResponse::NotFound(not_found.into()),
                TenantChangeError::Conflict(conflict) => CatalogTrialRequestResponse::Conflict(conflict.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        };
        answered(&metadata, answer)
    }
}

impl Answer for CatalogListResponse {
    const OPERATION: &'static str = "catalog_list";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(_) => Outcome::Done,
            Self::Forbidden(error)
            | Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}

impl Answer for CatalogRequestResponse {
    const OPERATION: &'static str = "catalog_request";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Done,
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

impl Answer for CatalogTrialRequestResponse {
    const OPERATION: &'static str = "catalog_trial_request";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Created(_) => Outcome::Done,
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
