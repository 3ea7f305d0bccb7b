//! The service's API behind a check of all arguments: what the HTTP layer accepted can be serialized, and is accepted again
//! as the same value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use tenant_registry_contract::server::generic::{Handler, Operation, ParameterVisitor, Parameters, Request};
use tenant_registry_contract::server::{
    Admission, Admitted, Credentials, Idempotency, NotAdmitted, RequestKey, RequestMetadata, RunningRequests,
    ServerErrorResponse, StoredResponse,
};
use tenant_registry_contract::types::{
    ApiKeyCreate, ApiKeyRotate, ApiKeyUpdate, ApiKeyVerifyBatch, ApiKeyVerifyRequest, AuditAppend, AuditAppendBatch,
    CatalogRequest, EntitlementSet, ProjectCreate, ProjectUpdate, RetryAfterSeconds, TenantActivate, TenantCancel,
    TenantCreate, TenantUpdate,
};
use tenant_registry_server::api::{AdmittedCaller, ApiSettings, RegistryApi, RequestShare};
use tenant_registry_server::api_key_hash::{ApiKeyHasher, DigestKeys, HashLimits, PrefixBudget};
use tenant_registry_server::auth::Access;
use tenant_registry_server::catalog_file;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::domain::origin::TrustedProxies;
use tenant_registry_server::domain::{self, Registry};
use tenant_registry_server::draining::Draining;
use tenant_registry_server::limits::request_rate::RateLimit;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::telemetry::metrics::Metrics;

use crate::report::expect;

/// The service's API on an in-memory store.
pub(crate) struct CheckedApi {
    parts: Parts,
    current: RwLock<Arc<RegistryApi<MemoryStore>>>,
    running_requests: RunningRequests,
}

/// The parts that all registries share.
struct Parts {
    catalog: domain::catalog::Catalog,
    clock: Clock,
    hasher: ApiKeyHasher,
    settings: ApiSettings,
}

impl Parts {
    fn assemble(&self) -> Result<RegistryApi<MemoryStore>, Box<dyn Error>> {
        let store = MemoryStore::seeded(self.clock.now())?;
        let registry = Registry::new(store, self.catalog.clone(), self.clock.clone(), self.hasher.clone());
        let api = RegistryApi::new(
            Arc::new(registry),
            self.settings.clone(),
            Access::Open,
            Draining::default(),
            Metrics::default(),
        )?;
        Ok(api)
    }
}

impl CheckedApi {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let hash_limits = HashLimits {
            max_running: 1,
            max_waiting: 1,
            cached_keys: 1,
            prefix_budget: PrefixBudget::default(),
        };
        let hasher = ApiKeyHasher::new(hash_limits, DigestKeys::default())?;
        let settings = ApiSettings {
            // The only peer, so that `X-Forwarded-For` is read.
            trusted_proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse()?]),
            retry_after: RetryAfterSeconds::try_from(1)?,
            request_rate: RateLimit::new(NonZeroU32::MIN)?,
            max_requests: 1024,
            max_memory: 1024 * 1024 * 1024,
        };
        let parts = Parts {
            catalog: catalog_file::read(None)?,
            clock: Clock::system(),
            hasher,
            settings,
        };
        let current = RwLock::new(Arc::new(parts.assemble()?));
        Ok(Self {
            parts,
            current,
            running_requests: RunningRequests::default(),
        })
    }

    /// Deletes all records, so that no input depends on the previous one.
    pub(crate) fn start_anew(&self) -> Result<(), Box<dyn Error>> {
        let api = Arc::new(self.parts.assemble()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = api;
        Ok(())
    }

    fn api(&self) -> Arc<RegistryApi<MemoryStore>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serializes a body and parses it again.
fn reparsed<T: Serialize + DeserializeOwned>(body: &T) -> T {
    let text = expect(serde_json::to_string(body), "an accepted body serializes");
    expect(serde_json::from_str(&text), "a serialized body is accepted")
}

/// A body that can be compared with what it is after a round trip.
trait Body: Serialize + DeserializeOwned {
    fn check(&self);
}

macro_rules! compared_by_equality {
    ($($body:ty),+ $(,)?) => {
        $(impl Body for $body {
            fn check(&self) {
                assert_eq!(&reparsed(self), self, "serialized and parsed again");
            }
        })+
    };
}

compared_by_equality!(
    (),
    TenantCreate,
    TenantUpdate,
    TenantActivate,
    TenantCancel,
    ProjectCreate,
    ProjectUpdate,
    EntitlementSet,
    CatalogRequest,
    ApiKeyCreate,
    ApiKeyRotate,
    ApiKeyUpdate,
    AuditAppend,
    AuditAppendBatch
);

/// A secret has no `PartialEq`.
impl Body for ApiKeyVerifyBatch {
    fn check(&self) {
        let Self { keys } = reparsed(self);
        assert_eq!(keys.len(), self.keys.len(), "serialized and parsed again");
        self.keys.iter().for_each(Body::check);
    }
}

/// A secret has no `PartialEq`.
impl Body for ApiKeyVerifyRequest {
    fn check(&self) {
        let Self { key, product, scopes } = reparsed(self);
        assert_eq!(
            (key.expose_secret(), product, scopes),
            (self.key.expose_secret(), self.product.clone(), self.scopes.clone()),
            "serialized and parsed again"
        );
    }
}

struct CheckedParameters;

impl ParameterVisitor for CheckedParameters {
    fn parameter<T>(&mut self, name: &'static str, value: &T)
    where
        T: Display + FromStr<Err: Display> + Serialize + PartialEq + Debug,
    {
        let again: T = expect(value.to_string().parse(), "a serialized parameter is accepted");
        assert_eq!(&again, value, "`{name}` serialized and parsed again");
    }
}

impl Admission for CheckedApi {
    type Identity = AdmittedCaller;
    type Share = RequestShare;

    async fn admit(
        &self,
        metadata: &RequestMetadata,
        operation: &'static str,
        credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        self.api().admit(metadata, operation, credentials).await
    }

    fn share(&self, caller: &AdmittedCaller) -> RequestShare {
        self.api().share(caller)
    }
}

impl Idempotency for CheckedApi {
    fn caller(caller: &AdmittedCaller) -> Vec<u8> {
        RegistryApi::<MemoryStore>::caller(caller)
    }

    fn running_requests(&self) -> &RunningRequests {
        &self.running_requests
    }

    async fn stored_response(
        &self,
        metadata: &RequestMetadata,
        key: &RequestKey,
    ) -> Result<Option<StoredResponse>, ServerErrorResponse> {
        self.api().stored_response(metadata, key).await
    }
}

impl<O: Operation<Schema: Body>> Handler<O> for CheckedApi {
    async fn handle(&self, request: Request<AdmittedCaller, O>) -> O::Response {
        request.params.visit(&mut CheckedParameters);
        if let Some(body) = O::schema(&request.body) {
            body.check();
        }
        O::call(&*self.api(), request).await
    }
}
