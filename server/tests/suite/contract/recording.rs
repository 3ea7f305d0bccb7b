//! An implementation of every operation that notes what it is called with, and answers what it is told to.

use super::arguments::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tenant_registry_contract::server::{
    ApiKeyCreateResponse, ApiKeyListResponse, ApiKeyRevokeResponse, ApiKeyVerifyResponse, ApiKeys, Audit,
    AuditAppendResponse, AuditListResponse, Catalog, CatalogListResponse, CatalogRequestResponse,
    CatalogTrialRequestResponse, EntitlementListResponse, Health, HealthGetResponse, InvalidBody, ReadinessGetResponse,
    RequestMetadata, TenantActivateResponse, TenantCancelResponse, TenantCreateResponse, TenantGetBySlugResponse,
    TenantGetResponse, Tenants,
};
use tenant_registry_contract::types::{
    ActorId, ApiKeyCreate, ApiKeyId, ApiKeyVerifyRequest, AuditAction, AuditAppend, AuditCursor, AuditSince,
    AuditUntil, CatalogRequest, PageLimit, ProductKey, RetryAfterSeconds, TenantActivate, TenantCancel, TenantCreate,
    TenantId, TenantSlug,
};

/// What an operation shall answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Null where there is none.
    pub(super) body: Value,
    /// Seconds.
    pub(super) retry_after: Option<i64>,
}

impl Answer {
    pub(super) fn body<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap()
    }

    pub(super) fn retry_after(&self) -> RetryAfterSeconds {
        let seconds = i32::try_from(self.retry_after.unwrap()).unwrap();
        RetryAfterSeconds::try_from(seconds).unwrap()
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
    calls: Vec<Call>,
}

impl Recording {
    /// Says what the next call shall answer.
    pub(super) fn prepare(&self, answer: Answer) {
        *self.0.lock().unwrap() = Noted {
            answer: Some(answer),
            calls: Vec::new(),
        };
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

impl Health for Recording {
    async fn health_get(&self, metadata: RequestMetadata) -> HealthGetResponse {
        note!(self, health_get, metadata)
    }

    async fn readiness_get(&self, metadata: RequestMetadata) -> ReadinessGetResponse {
        note!(self, readiness_get, metadata)
    }
}

impl Tenants for Recording {
    async fn tenant_create(&self, metadata: RequestMetadata, body: TenantCreate) -> TenantCreateResponse {
        note!(self, tenant_create, metadata, body)
    }

    async fn tenant_get(&self, metadata: RequestMetadata, id: TenantId) -> TenantGetResponse {
        note!(self, tenant_get, metadata, id)
    }

    async fn tenant_get_by_slug(&self, metadata: RequestMetadata, slug: TenantSlug) -> TenantGetBySlugResponse {
        note!(self, tenant_get_by_slug, metadata, slug)
    }

    async fn tenant_activate(
        &self,
        metadata: RequestMetadata,
        id: TenantId,
        body: Option<TenantActivate>,
    ) -> TenantActivateResponse {
        note!(self, tenant_activate, metadata, id, body)
    }

    async fn tenant_cancel(
        &self,
        metadata: RequestMetadata,
        id: TenantId,
        body: Option<TenantCancel>,
    ) -> TenantCancelResponse {
        note!(self, tenant_cancel, metadata, id, body)
    }

    async fn entitlement_list(&self, metadata: RequestMetadata, tenant_id: TenantId) -> EntitlementListResponse {
        note!(self, entitlement_list, metadata, tenant_id)
    }
}

impl Catalog for Recording {
    async fn catalog_list(&self, metadata: RequestMetadata) -> CatalogListResponse {
        note!(self, catalog_list, metadata)
    }

    async fn catalog_request(&self, metadata: RequestMetadata, body: CatalogRequest) -> CatalogRequestResponse {
        note!(self, catalog_request, metadata, body)
    }

    async fn catalog_trial_request(
        &self,
        metadata: RequestMetadata,
        body: CatalogRequest,
    ) -> CatalogTrialRequestResponse {
        note!(self, catalog_trial_request, metadata, body)
    }
}

impl ApiKeys for Recording {
    async fn api_key_list(&self, metadata: RequestMetadata, tenant_id: TenantId) -> ApiKeyListResponse {
        note!(self, api_key_list, metadata, tenant_id)
    }

    async fn api_key_create(&self, metadata: RequestMetadata, body: ApiKeyCreate) -> ApiKeyCreateResponse {
        note!(self, api_key_create, metadata, body)
    }

    async fn api_key_revoke(&self, metadata: RequestMetadata, id: ApiKeyId) -> ApiKeyRevokeResponse {
        note!(self, api_key_revoke, metadata, id)
    }

    async fn api_key_verify(
        &self,
        metadata: RequestMetadata,
        body: Result<ApiKeyVerifyRequest, InvalidBody>,
    ) -> ApiKeyVerifyResponse {
        let body = body.unwrap();
        note!(self, api_key_verify, metadata, body)
    }
}

impl Audit for Recording {
    async fn audit_append(&self, metadata: RequestMetadata, body: AuditAppend) -> AuditAppendResponse {
        note!(self, audit_append, metadata, body)
    }

    async fn audit_list(
        &self,
        metadata: RequestMetadata,
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
