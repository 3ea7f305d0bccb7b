//! The service's API, behind a look at what it is called with: whatever the HTTP layer has accepted can be written, is
//! accepted again, and is then the same.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use tenant_registry_contract::server::{
    Admission, Admitted, ApiKeyCreateResponse, ApiKeyListResponse, ApiKeyRevokeResponse, ApiKeyVerifyResponse, ApiKeys,
    Audit, AuditAppendResponse, AuditListResponse, Catalog, CatalogListResponse, CatalogRequestResponse,
    CatalogTrialRequestResponse, Credentials, EntitlementListResponse, Health, HealthGetResponse, InvalidBody,
    NotAdmitted, Principal, ReadinessGetResponse, RequestMetadata, TenantActivateResponse, TenantCancelResponse,
    TenantCreateResponse, TenantGetBySlugResponse, TenantGetResponse, Tenants, TryLater,
};
use tenant_registry_contract::types::{
    ActorId, ApiKeyCreate, ApiKeyId, ApiKeyVerifyRequest, AuditAction, AuditAppend, AuditCursor, AuditSince,
    AuditUntil, CatalogRequest, ConstraintError, PageLimit, ProductKey, RetryAfterSeconds, TenantActivate,
    TenantCancel, TenantCreate, TenantId, TenantSlug,
};
use tenant_registry_server::api::{AdmittedCaller, ApiSettings, RegistryApi};
use tenant_registry_server::api_key_hash::{ApiKeyHasher, HashLimits, PrefixBudget};
use tenant_registry_server::auth::Access;
use tenant_registry_server::catalog_file;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::domain::origin::TrustedProxies;
use tenant_registry_server::domain::{self, Registry};
use tenant_registry_server::draining::Draining;
use tenant_registry_server::limits::request_rate::RateLimit;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::telemetry::metrics::Metrics;

use crate::refusal::expect;

/// The service's API on a store in memory.
pub(crate) struct CheckedApi {
    parts: Parts,
    current: RwLock<Arc<RegistryApi<MemoryStore>>>,
}

/// What every registry has in common, made once.
struct Parts {
    catalog: domain::catalog::Catalog,
    clock: Clock,
    hasher: ApiKeyHasher,
    settings: ApiSettings,
}

impl Parts {
    fn assemble(&self) -> Result<RegistryApi<MemoryStore>, ConstraintError> {
        let store = MemoryStore::seeded(self.clock.now())?;
        let registry = Registry::new(store, self.catalog.clone(), self.clock.clone(), self.hasher.clone());
        Ok(RegistryApi::new(
            Arc::new(registry),
            self.settings.clone(),
            Access::Open,
            Draining::default(),
            Metrics::default(),
        ))
    }
}

impl CheckedApi {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let hasher = ApiKeyHasher::new(HashLimits {
            max_running: 1,
            max_waiting: 1,
            cached_keys: 1,
            prefix_budget: PrefixBudget::default(),
        })?;
        let settings = ApiSettings {
            // The one peer that there is, so that `X-Forwarded-For` is read.
            trusted_proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse()?]),
            retry_after: RetryAfterSeconds::try_from(1)?,
            request_rate: RateLimit::new(NonZeroU32::MIN)?,
            max_requests: 1024,
        };
        let parts = Parts {
            catalog: catalog_file::read(None)?,
            clock: Clock::system(),
            hasher,
            settings,
        };
        let current = RwLock::new(Arc::new(parts.assemble()?));
        Ok(Self { parts, current })
    }

    /// Forgets all records: what an input does shall not depend on the one before.
    pub(crate) fn start_anew(&self) -> Result<(), ConstraintError> {
        let api = Arc::new(self.parts.assemble()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = api;
        Ok(())
    }

    fn api(&self) -> Arc<RegistryApi<MemoryStore>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Holds a body to the law.
fn body<T: Serialize + DeserializeOwned + PartialEq + Debug>(body: &T) {
    assert_eq!(&again(body), body, "written and read again");
}

fn again<T: Serialize + DeserializeOwned>(body: &T) -> T {
    let text = expect(serde_json::to_string(body), "what was accepted is written");
    expect(serde_json::from_str(&text), "what was accepted and written is accepted")
}

/// Holds a parameter to the law.
fn parameter<T: Display + FromStr<Err: Display> + PartialEq + Debug>(value: &T) {
    let again: T = expect(value.to_string().parse(), "what was accepted and written is accepted");
    assert_eq!(&again, value, "written and read again");
}

fn optional<T: Display + FromStr<Err: Display> + PartialEq + Debug>(value: Option<&T>) {
    if let Some(value) = value {
        parameter(value);
    }
}

impl Admission for CheckedApi {
    type Identity = AdmittedCaller;

    async fn admit(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        self.api().admit(metadata, credentials).await
    }
}

impl Health for CheckedApi {
    async fn health_get(&self, metadata: RequestMetadata) -> HealthGetResponse {
        self.api().health_get(metadata).await
    }

    async fn readiness_get(&self, metadata: RequestMetadata) -> ReadinessGetResponse {
        self.api().readiness_get(metadata).await
    }
}

impl Tenants for CheckedApi {
    async fn tenant_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        given: TenantCreate,
    ) -> TenantCreateResponse {
        body(&given);
        self.api().tenant_create(metadata, principal, given).await
    }

    async fn tenant_get(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
    ) -> TenantGetResponse {
        parameter(&id);
        self.api().tenant_get(metadata, principal, id).await
    }

    async fn tenant_get_by_slug(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        slug: TenantSlug,
    ) -> TenantGetBySlugResponse {
        parameter(&slug);
        self.api().tenant_get_by_slug(metadata, principal, slug).await
    }

    async fn tenant_activate(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
        given: Option<TenantActivate>,
    ) -> TenantActivateResponse {
        parameter(&id);
        given.iter().for_each(body);
        self.api().tenant_activate(metadata, principal, id, given).await
    }

    async fn tenant_cancel(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: TenantId,
        given: Option<TenantCancel>,
    ) -> TenantCancelResponse {
        parameter(&id);
        given.iter().for_each(body);
        self.api().tenant_cancel(metadata, principal, id, given).await
    }

    async fn entitlement_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: TenantId,
    ) -> EntitlementListResponse {
        parameter(&tenant_id);
        self.api().entitlement_list(metadata, principal, tenant_id).await
    }
}

impl Catalog for CheckedApi {
    async fn catalog_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
    ) -> CatalogListResponse {
        self.api().catalog_list(metadata, principal).await
    }

    async fn catalog_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        given: CatalogRequest,
    ) -> CatalogRequestResponse {
        body(&given);
        self.api().catalog_request(metadata, principal, given).await
    }

    async fn catalog_trial_request(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        given: CatalogRequest,
    ) -> CatalogTrialRequestResponse {
        body(&given);
        self.api().catalog_trial_request(metadata, principal, given).await
    }
}

impl ApiKeys for CheckedApi {
    async fn api_key_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: TenantId,
    ) -> ApiKeyListResponse {
        parameter(&tenant_id);
        self.api().api_key_list(metadata, principal, tenant_id).await
    }

    async fn api_key_create(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        given: ApiKeyCreate,
    ) -> ApiKeyCreateResponse {
        body(&given);
        self.api().api_key_create(metadata, principal, given).await
    }

    async fn api_key_revoke(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        id: ApiKeyId,
    ) -> ApiKeyRevokeResponse {
        parameter(&id);
        self.api().api_key_revoke(metadata, principal, id).await
    }

    async fn api_key_verify(
        &self,
        metadata: RequestMetadata,
        principal: Result<Principal<AdmittedCaller>, TryLater>,
        given: Result<ApiKeyVerifyRequest, InvalidBody>,
    ) -> ApiKeyVerifyResponse {
        if let Ok(given) = &given {
            let ApiKeyVerifyRequest { key } = again(given);
            assert_eq!(key.expose_secret(), given.key.expose_secret(), "written and read again");
        }
        self.api().api_key_verify(metadata, principal, given).await
    }
}

impl Audit for CheckedApi {
    async fn audit_append(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        given: AuditAppend,
    ) -> AuditAppendResponse {
        body(&given);
        self.api().audit_append(metadata, principal, given).await
    }

    async fn audit_list(
        &self,
        metadata: RequestMetadata,
        principal: Principal<AdmittedCaller>,
        tenant_id: Option<TenantId>,
        product: Option<ProductKey>,
        actor_id: Option<ActorId>,
        action: Option<AuditAction>,
        since: Option<AuditSince>,
        until: Option<AuditUntil>,
        limit: PageLimit,
        cursor: Option<AuditCursor>,
    ) -> AuditListResponse {
        optional(tenant_id.as_ref());
        optional(product.as_ref());
        optional(actor_id.as_ref());
        optional(action.as_ref());
        optional(since.as_ref());
        optional(until.as_ref());
        parameter(&limit);
        optional(cursor.as_ref());
        self.api()
            .audit_list(
                metadata, principal, tenant_id, product, actor_id, action, since, until, limit, cursor,
            )
            .await
    }
}
