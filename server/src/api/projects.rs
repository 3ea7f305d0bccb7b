//! The operations tagged `projects`.

use super::{AdmittedCaller, RegistryApi};
use crate::domain::error::{DomainError, ListError, ProjectCreateError, ProjectDeleteError, ProjectUpdateError};
use crate::store::Store;
use tenant_registry_contract::server::{
    KeyedRequest, Principal, ProjectCreateResponse, ProjectDeleteParams, ProjectDeleteResponse, ProjectGetParams,
    ProjectGetResponse, ProjectListParams, ProjectListResponse, ProjectUpdateParams, ProjectUpdateResponse, Projects,
    RequestMetadata,
};
use tenant_registry_contract::types::{ProjectCreate, ProjectUpdate};

impl<S: Store> Projects for RegistryApi<S> {
    async fn project_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ProjectListParams,
    ) -> ProjectListResponse {
        match self.registry.project_list(params, principal.tenant_scope()).await {
            Ok(page) => ProjectListResponse::Ok(page),
            Err(DomainError::Rejected(ListError::InvalidInput(error))) => ProjectListResponse::BadRequest(error.into()),
            Err(DomainError::Rejected(ListError::NotFound(error))) => ProjectListResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn project_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: ProjectCreate,
    ) -> ProjectCreateResponse {
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.project_create(body, &caller).await {
            Ok(project) => ProjectCreateResponse::Created(project),
            Err(DomainError::Rejected(error)) => match error {
                ProjectCreateError::NotFound(error) => ProjectCreateResponse::NotFound(error.into()),
                ProjectCreateError::Conflict(error) => ProjectCreateResponse::Conflict(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn project_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ProjectGetParams,
    ) -> ProjectGetResponse {
        let ProjectGetParams { id } = params;
        match self.registry.project_get(id, principal.tenant_scope()).await {
            Ok(project) => ProjectGetResponse::Ok(project),
            Err(DomainError::Rejected(error)) => ProjectGetResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn project_update(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ProjectUpdateParams,
        body: ProjectUpdate,
    ) -> ProjectUpdateResponse {
        let ProjectUpdateParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.project_update(id, if_match, body, &caller).await {
            Ok(project) => ProjectUpdateResponse::Ok(project),
            Err(DomainError::Rejected(error)) => match error {
                ProjectUpdateError::NotFound(error) => ProjectUpdateResponse::NotFound(error.into()),
                ProjectUpdateError::PreconditionFailed(error) => {
                    ProjectUpdateResponse::PreconditionFailed(error.into())
                }
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn project_delete(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: ProjectDeleteParams,
    ) -> ProjectDeleteResponse {
        let ProjectDeleteParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.project_delete(id, if_match, &caller).await {
            Ok(()) => ProjectDeleteResponse::NoContent,
            Err(DomainError::Rejected(error)) => match error {
                ProjectDeleteError::NotFound(error) => ProjectDeleteResponse::NotFound(error.into()),
                ProjectDeleteError::Conflict(error) => ProjectDeleteResponse::Conflict(error.into()),
                ProjectDeleteError::PreconditionFailed(error) => {
                    ProjectDeleteResponse::PreconditionFailed(error.into())
                }
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }
}
