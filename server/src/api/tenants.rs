//! The operations tagged `tenants`.

use super::{AdmittedCaller, RegistryApi};
use crate::domain::entitlements::SetEntitlement;
use crate::domain::error::{
    DomainError, EntitlementRevokeError, EntitlementSetError, TenantChangeError, TenantCreateError, TenantDeleteError,
};
use crate::store::Store;
use tenant_registry_contract::server::{
    EntitlementCheckParams, EntitlementCheckResponse, EntitlementGetParams, EntitlementGetResponse,
    EntitlementListParams, EntitlementListResponse, EntitlementRevokeParams, EntitlementRevokeResponse,
    EntitlementSetParams, EntitlementSetResponse, KeyedRequest, Principal, RequestMetadata, TenantActivateParams,
    TenantActivateResponse, TenantArchiveParams, TenantArchiveResponse, TenantCancelParams, TenantCancelResponse,
    TenantCreateResponse, TenantDeleteParams, TenantDeleteResponse, TenantGetBySlugParams, TenantGetBySlugResponse,
    TenantGetParams, TenantGetResponse, TenantListParams, TenantListResponse, TenantUpdateParams, TenantUpdateResponse,
    Tenants,
};
use tenant_registry_contract::types::{EntitlementSet, TenantActivate, TenantCancel, TenantCreate, TenantUpdate};

impl<S: Store> Tenants for RegistryApi<S> {
    async fn tenant_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        body: TenantCreate,
    ) -> TenantCreateResponse {
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.tenant_create(body, &caller).await {
            Ok(tenant) => TenantCreateResponse::Created(tenant),
            Err(DomainError::Rejected(TenantCreateError::Forbidden(error))) => {
                TenantCreateResponse::Forbidden(error.into())
            }
            Err(DomainError::Rejected(TenantCreateError::Conflict(error))) => {
                TenantCreateResponse::Conflict(error.into())
            }
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: TenantListParams,
    ) -> TenantListResponse {
        match self.registry.tenant_list(params, principal.tenant_scope()).await {
            Ok(page) => TenantListResponse::Ok(page),
            Err(DomainError::Rejected(error)) => TenantListResponse::BadRequest(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: TenantGetParams,
    ) -> TenantGetResponse {
        let TenantGetParams { id } = params;
        match self.registry.tenant_get(id, principal.tenant_scope()).await {
            Ok(tenant) => TenantGetResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => TenantGetResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_get_by_slug(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: TenantGetBySlugParams,
    ) -> TenantGetBySlugResponse {
        let TenantGetBySlugParams { slug } = params;
        match self.registry.tenant_get_by_slug(slug, principal.tenant_scope()).await {
            Ok(tenant) => TenantGetBySlugResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => TenantGetBySlugResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_update(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: TenantUpdateParams,
        body: TenantUpdate,
    ) -> TenantUpdateResponse {
        let TenantUpdateParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.tenant_update(id, if_match, body, &caller).await {
            Ok(tenant) => TenantUpdateResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(error) => TenantUpdateResponse::BadRequest(error.into()),
                TenantChangeError::NotFound(error) => TenantUpdateResponse::NotFound(error.into()),
                TenantChangeError::Conflict(error) => TenantUpdateResponse::Conflict(error.into()),
                TenantChangeError::PreconditionFailed(error) => TenantUpdateResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_delete(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: TenantDeleteParams,
    ) -> TenantDeleteResponse {
        let TenantDeleteParams { id, if_match } = params;
        let caller = self.caller(&metadata, &principal);
        match self.registry.tenant_delete(id, if_match, &caller).await {
            Ok(()) => TenantDeleteResponse::NoContent,
            Err(DomainError::Rejected(error)) => match error {
                TenantDeleteError::NotFound(error) => TenantDeleteResponse::NotFound(error.into()),
                TenantDeleteError::Conflict(error) => TenantDeleteResponse::Conflict(error.into()),
                TenantDeleteError::PreconditionFailed(error) => TenantDeleteResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_activate(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        params: TenantActivateParams,
        body: Option<TenantActivate>,
    ) -> TenantActivateResponse {
        let TenantActivateParams { id, if_match } = params;
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self
            .registry
            .tenant_activate(id, if_match, body.unwrap_or_default(), &caller)
            .await
        {
            Ok(tenant) => TenantActivateResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(error) => TenantActivateResponse::BadRequest(error.into()),
                TenantChangeError::NotFound(error) => TenantActivateResponse::NotFound(error.into()),
                TenantChangeError::Conflict(error) => TenantActivateResponse::Conflict(error.into()),
                TenantChangeError::PreconditionFailed(error) => {
                    TenantActivateResponse::PreconditionFailed(error.into())
                }
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_cancel(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        params: TenantCancelParams,
        body: Option<TenantCancel>,
    ) -> TenantCancelResponse {
        let TenantCancelParams { id, if_match } = params;
        let TenantCancel { reason, at_period_end } = body.unwrap_or_default();
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self
            .registry
            .tenant_cancel(id, if_match, reason, at_period_end, &caller)
            .await
        {
            Ok(tenant) => TenantCancelResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(error) => TenantCancelResponse::BadRequest(error.into()),
                TenantChangeError::NotFound(error) => TenantCancelResponse::NotFound(error.into()),
                TenantChangeError::Conflict(error) => TenantCancelResponse::Conflict(error.into()),
                TenantChangeError::PreconditionFailed(error) => TenantCancelResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn tenant_archive(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        keyed: Option<KeyedRequest>,
        params: TenantArchiveParams,
    ) -> TenantArchiveResponse {
        let TenantArchiveParams { id, if_match } = params;
        let caller = self.caller_with_key(&metadata, &principal, keyed);
        match self.registry.tenant_archive(id, if_match, &caller).await {
            Ok(tenant) => TenantArchiveResponse::Ok(tenant),
            Err(DomainError::Rejected(error)) => match error {
                TenantChangeError::InvalidInput(error) => TenantArchiveResponse::BadRequest(error.into()),
                TenantChangeError::NotFound(error) => TenantArchiveResponse::NotFound(error.into()),
                TenantChangeError::Conflict(error) => TenantArchiveResponse::Conflict(error.into()),
                TenantChangeError::PreconditionFailed(error) => TenantArchiveResponse::PreconditionFailed(error.into()),
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn entitlement_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: EntitlementListParams,
    ) -> EntitlementListResponse {
        let EntitlementListParams { tenant_id } = params;
        match self
            .registry
            .entitlement_list(tenant_id, principal.tenant_scope())
            .await
        {
            Ok(list) => EntitlementListResponse::Ok(list),
            Err(DomainError::Rejected(error)) => EntitlementListResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn entitlement_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: EntitlementGetParams,
    ) -> EntitlementGetResponse {
        let EntitlementGetParams { tenant_id, product } = params;
        match self
            .registry
            .entitlement_get(tenant_id, &product, principal.tenant_scope())
            .await
        {
            Ok(entitlement) => EntitlementGetResponse::Ok(entitlement),
            Err(DomainError::Rejected(error)) => EntitlementGetResponse::NotFound(error.into()),
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn entitlement_set(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: EntitlementSetParams,
        body: EntitlementSet,
    ) -> EntitlementSetResponse {
        let EntitlementSetParams {
            tenant_id,
            product,
            if_match,
        } = params;
        let caller = self.caller(&metadata, &principal);
        let set = self
            .registry
            .entitlement_set(tenant_id, &product, if_match, body, &caller);
        match set.await {
            Ok(SetEntitlement::Created(entitlement)) => EntitlementSetResponse::Created(entitlement),
            Ok(SetEntitlement::Replaced(entitlement)) => EntitlementSetResponse::Ok(entitlement),
            Err(DomainError::Rejected(error)) => match error {
                EntitlementSetError::NotFound(error) => EntitlementSetResponse::NotFound(error.into()),
                EntitlementSetError::Conflict(error) => EntitlementSetResponse::Conflict(error.into()),
                EntitlementSetError::PreconditionFailed(error) => {
                    EntitlementSetResponse::PreconditionFailed(error.into())
                }
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn entitlement_revoke(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: EntitlementRevokeParams,
    ) -> EntitlementRevokeResponse {
        let EntitlementRevokeParams {
            tenant_id,
            product,
            if_match,
        } = params;
        let caller = self.caller(&metadata, &principal);
        let revoked = self.registry.entitlement_revoke(tenant_id, &product, if_match, &caller);
        match revoked.await {
            Ok(()) => EntitlementRevokeResponse::NoContent,
            Err(DomainError::Rejected(error)) => match error {
                EntitlementRevokeError::NotFound(error) => EntitlementRevokeResponse::NotFound(error.into()),
                EntitlementRevokeError::PreconditionFailed(error) => {
                    EntitlementRevokeResponse::PreconditionFailed(error.into())
                }
            },
            Err(DomainError::Failed(failure)) => self.failed(&metadata, failure),
        }
    }

    async fn entitlement_check(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        params: EntitlementCheckParams,
    ) -> EntitlementCheckResponse {
        let EntitlementCheckParams { tenant_id, product } = params;
        let checked = self
            .registry
            .entitlement_check(tenant_id, product, principal.tenant_scope());
        match checked.await {
            Ok(check) => EntitlementCheckResponse::Ok(check),
            Err(failure) => self.failed(&metadata, failure),
        }
    }
}
