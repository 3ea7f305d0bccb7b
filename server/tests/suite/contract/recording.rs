//! An implementation of every operation that notes what it is called with, and answers what it is told to.

use super::arguments::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tenant_registry_contract::server::{
    Admission, Admitted, ApiKeyCreateResponse, ApiKeyListResponse, ApiKeyRevokeResponse, ApiKeyVerifyResponse, ApiKeys,
    Audit, AuditAppendResponse, AuditListResponse, Catalog, CatalogListResponse, CatalogRequestResponse,
    CatalogTrialRequestResponse, Credentials, EntitlementListResponse, Health, HealthGetResponse, InvalidBody,
    NotAdmitted, Principal, ReadinessGetResponse, RequestMetadata, Scopes, TenantActivateResponse,
    TenantCancelResponse, TenantCreateResponse, TenantGetBySlugResponse, TenantGetResponse, Tenants, TryLater,
};
use tenant_registry_contract::types::{
    ActorId, ApiKeyCreate, ApiKeyId, ApiKeyVerifyRequest, AuditAction, AuditAppend, AuditCursor, AuditSince,
    AuditUntil, CatalogRequest, PageLimit, ProductKey, TenantActivate, TenantCancel, TenantCreate, TenantId,
    TenantSlug,
};

/// What an operation shall answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Null where there is none.
    pub(super) body: Value,
    /// Those that are numbers, by name.
    pub(super) headers: BTreeMap<String, i64>,
}

impl Answer {
    pub(super) fn body<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap()
    }

    pub(super) fn header<T: TryFrom<i32, Error: Debug>>(&self, name: &str) -> T {
        let number = i32::try_from(self.headers[name]).unwrap();
        T::try_from(number).unwrap()
    }
}

/// What an operation was called with.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) arguments: Arguments,
    pub(super) metadata: RequestMetadata,
}

/// Clones share what is noted.
#[derive(Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    answer: Option<Answer>,
    scopes: Scopes,
    calls: Vec<Call>,
}

impl Recording {
    /// Says what the next call shall answer, and what its caller may do.
    pub(super) fn prepare(&self, answer: Answer, scopes: Scopes) {
        *self.0.lock().unwrap() = Noted {
            answer: Some(answer),
            scopes,
            calls: Vec::new(),
        };
    }

    /// Was what had been prepared the answer to a caller who was not let in?
    pub(super) fn has_turned_away(&self) -> bool {
        let noted = self.0.lock().unwrap();
        noted.answer.is_none() && noted.calls.is_empty()
    }

    /// The one call since then.
    pub(super) fn call(&self) -> Result<Call, String> {
        let mut calls = std::mem::take(&mut self.0.lock().unwrap().calls);
        match (calls.pop(), calls.pop()) {
            (Some(call), None) => Ok(call),
            (None, _) => Err("no operation was called".to_owned()),
            (Some(_), Some(_)) => Err("more than one operation was called".to_owned()),
        }
    }

    fn note<A: From<Answer>>(&self, operation: &'static str, metadata: RequestMetadata, arguments: Arguments) -> A {
        let mut noted = self.0.lock().unwrap();
        noted.calls.push(Call {
            operation,
            arguments,
            metadata,
        });
        noted.answer.take().unwrap().into()
    }
}

/// An argument as JSON, none where it is absent: no argument of the spec is `null`.
fn argument<T: Serialize>(value: &T) -> Option<Value> {
    Some(serde_json::to_value(value).unwrap()).filter(|value| !value.is_null())
}

/// Notes a call with all its arguments, by their names.
macro_rules! note {
    ($self:ident, $operation:ident, $metadata:ident $(, $argument:ident)*) => {{
        let arguments: Vec<(&str, Option<Value>)> = vec![$((stringify!($argument), argument(&$argument))),*];
        let given = arguments.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        $self.note(stringify!($operation), $metadata, given.collect())
    }};
}

/// Turns callers away where that is what was prepared.
impl Admission for Recording {
    type Identity = ();

    async fn admit(&self, _: &RequestMetadata, _: Credentials) -> Result<Admitted<()>, NotAdmitted> {
        let mut noted = self.0.lock().unwrap();
        match noted.answer.take_if(|it| matches!(it.status, 401 | 429)) {
            None => Ok(Admitted {
                identity: (),
                scopes: noted.scopes,
            }),
            Some(answer) if answer.status == 401 => Err(NotAdmitted::Unauthorized(answer.body())),
            Some(answer) => Err(NotAdmitted::TryLater(TryLater::TooManyRequests {
                body: answer.body(),
                retry_after: answer.header("Retry-After"),
                rate_limit_limit: answer.header("RateLimit-Limit"),
                rate_limit_remaining: answer.header("RateLimit-Remaining"),
                rate_limit_reset: answer.header("RateLimit-Reset"),
            })),
        }
    }
}

impl Health for Recording {
    async fn health_get(&self, metadata: RequestMetadata) -> HealthGetResponse {
        note!(self, health_get, metadata)
    }

    async fn readiness_get(&self, metadata: RequestMetadata) -> ReadinessGetResponse {
        note!(self, readiness_get, metadata)
    }
}

impl Tenants for Recording {
    async fn tenant_create(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        body: TenantCreate,
    ) -> TenantCreateResponse {
        note!(self, tenant_create, metadata, body)
    }

    async fn tenant_get(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        id: TenantId,
    ) -> TenantGetResponse {
        note!(self, tenant_get, metadata, id)
    }

    async fn tenant_get_by_slug(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        slug: TenantSlug,
    ) -> TenantGetBySlugResponse {
        note!(self, tenant_get_by_slug, metadata, slug)
    }

    async fn tenant_activate(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        id: TenantId,
        body: Option<TenantActivate>,
    ) -> TenantActivateResponse {
        note!(self, tenant_activate, metadata, id, body)
    }

    async fn tenant_cancel(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        id: TenantId,
        body: Option<TenantCancel>,
    ) -> TenantCancelResponse {
        note!(self, tenant_cancel, metadata, id, body)
    }

    async fn entitlement_list(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        tenant_id: TenantId,
    ) -> EntitlementListResponse {
        note!(self, entitlement_list, metadata, tenant_id)
    }
}

impl Catalog for Recording {
    async fn catalog_list(&self, metadata: RequestMetadata, _principal: Principal<()>) -> CatalogListResponse {
        note!(self, catalog_list, metadata)
    }

    async fn catalog_request(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        body: CatalogRequest,
    ) -> CatalogRequestResponse {
        note!(self, catalog_request, metadata, body)
    }

    async fn catalog_trial_request(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        body: CatalogRequest,
    ) -> CatalogTrialRequestResponse {
        note!(self, catalog_trial_request, metadata, body)
    }
}

impl ApiKeys for Recording {
    async fn api_key_list(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        tenant_id: TenantId,
    ) -> ApiKeyListResponse {
        note!(self, api_key_list, metadata, tenant_id)
    }

    async fn api_key_create(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        body: ApiKeyCreate,
    ) -> ApiKeyCreateResponse {
        note!(self, api_key_create, metadata, body)
    }

    async fn api_key_revoke(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        id: ApiKeyId,
    ) -> ApiKeyRevokeResponse {
        note!(self, api_key_revoke, metadata, id)
    }

    async fn api_key_verify(
        &self,
        metadata: RequestMetadata,
        _principal: Result<Principal<()>, TryLater>,
        body: Result<ApiKeyVerifyRequest, InvalidBody>,
    ) -> ApiKeyVerifyResponse {
        let body = body.unwrap();
        note!(self, api_key_verify, metadata, body)
    }
}

impl Audit for Recording {
    async fn audit_append(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        body: AuditAppend,
    ) -> AuditAppendResponse {
        note!(self, audit_append, metadata, body)
    }

    async fn audit_list(
        &self,
        metadata: RequestMetadata,
        _principal: Principal<()>,
        tenant_id: Option<TenantId>,
        product: Option<ProductKey>,
        actor_id: Option<ActorId>,
        action: Option<AuditAction>,
        since: Option<AuditSince>,
        until: Option<AuditUntil>,
        limit: PageLimit,
        cursor: Option<AuditCursor>,
    ) -> AuditListResponse {
        note!(
            self, audit_list, metadata, tenant_id, product, actor_id, action, since, until, limit, cursor
        )
    }
}
