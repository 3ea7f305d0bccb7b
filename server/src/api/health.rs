//! The operations tagged `health`.

use super::{RegistryApi, responses};
use crate::store::Store;
use tenant_registry_contract::server::{
    Health, HealthGetResponse, OperationResponse, ReadinessGetResponse, RequestMetadata,
};
use tenant_registry_contract::types;

impl<S: Store> Health for RegistryApi<S> {
    async fn health_get(&self, _metadata: RequestMetadata) -> HealthGetResponse {
        HealthGetResponse::Ok(types::Health {
            status: types::HealthStatus::Ok,
        })
    }

    async fn readiness_get(&self, metadata: RequestMetadata) -> ReadinessGetResponse {
        match self.registry.readiness_get().await {
            Ok(()) if self.draining.has_begun() || !self.access.is_ready() => self.not_ready(),
            Ok(()) => ReadinessGetResponse::Ok(types::Health {
                status: types::HealthStatus::Ok,
            }),
            Err(failure) => {
                self.record(ReadinessGetResponse::OPERATION, &metadata, &failure);
                self.not_ready()
            }
        }
    }
}

impl<S> RegistryApi<S> {
    /// The response is the same for every reason.
    fn not_ready(&self) -> ReadinessGetResponse {
        ReadinessGetResponse::ServiceUnavailable {
            body: responses::unavailable(),
            retry_after: self.settings.retry_after,
        }
    }
}
