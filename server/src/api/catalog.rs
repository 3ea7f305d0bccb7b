//! The operations tagged `catalog`.

use super::{AdmittedCaller, RegistryApi};
use crate::domain::error::{DomainError, TrialError};
use crate::store::Store;
use tenant_registry_contract::server::{
    Catalog, CatalogListResponse, CatalogRequestResponse, CatalogTrialRequestResponse, KeyedRequest, Principal,
    RequestMetadata,
};
use tenant_registry_contract::types::CatalogRequest;

impl<S: Store> Catalog for RegistryApi<S> {
    async fn catalog_list(
        &self,
        _metadata: RequestMetadata,
        _principal: Principal<AdmittedCaller>,
    ) -> CatalogListResponse {
        CatalogListResponse::Ok(self.registry.catalog_list())
    }

    async fn catalog_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: CatalogRequest,
    ) -> CatalogRequestResponse {
        let CatalogRequest { tenant_id, product } = body;
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.catalog_request(tenant_id, product, &caller).await {
            Ok(()) => CatalogRequestResponse::Accepted,
            Err(DomainError::Rejected(error)) => CatalogRequestResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn catalog_trial_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: CatalogRequest,
    ) -> CatalogTrialRequestResponse {
        let CatalogRequest { tenant_id, product } = body;
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.catalog_trial_request(tenant_id, product, &caller).await {
            Ok(entitlement) => CatalogTrialRequestResponse::Created(entitlement),
            Err(DomainError::Rejected(error)) => match error {
                TrialError::InvalidInput(error) => CatalogTrialRequestResponse::BadRequest(error.into()),
                TrialError::NotFound(error) => CatalogTrialRequestResponse::NotFound(error.into()),
                TrialError::Conflict(error) => CatalogTrialRequestResponse::Conflict(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }
}
