//! The operations tagged `health`.

use super::answers::{self, Answer, Outcome, outcome_of};
use super::{RegistryApi, answered};
use crate::store::Store;
use tenant_registry_contract::server::{Health, HealthGetResponse, ReadinessGetResponse, RequestMetadata};
use tenant_registry_contract::types;

impl<S: Store> Health for RegistryApi<S> {
    async fn health_get(&self, metadata: RequestMetadata) -> HealthGetResponse {
        answered(
            &metadata,
            HealthGetResponse::Ok(types::Health {
                status: types::HealthStatus::Ok,
            }),
        )
    }

    async fn readiness_get(&self, metadata: RequestMetadata) -> ReadinessGetResponse {
        let answer = match self.registry.readiness_get().await {
            Ok(()) if self.draining.has_begun() || !self.access.is_ready() => self.not_ready(),
            Ok(()) => ReadinessGetResponse::Ok(types::Health {
                status: types::HealthStatus::Ok,
            }),
            Err(failure) => {
                self.record(ReadinessGetResponse::OPERATION, &metadata, &failure);
                self.not_ready()
            }
        };
        answered(&metadata, answer)
    }
}

impl<S> RegistryApi<S> {
    /// Whatever keeps the replica from serving, the probe's answer is the same.
    fn not_ready(&self) -> ReadinessGetResponse {
        ReadinessGetResponse::ServiceUnavailable {
            body: answers::unavailable(),
            retry_after: self.settings.retry_after,
        }
    }
}

impl Answer for HealthGetResponse {
    const OPERATION: &'static str = "health_get";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(health) => outcome_of_health(health),
        }
    }
}

impl Answer for ReadinessGetResponse {
    const OPERATION: &'static str = "readiness_get";

    fn outcome(&self) -> Outcome {
        match self {
            Self::Ok(health) => outcome_of_health(health),
            Self::ServiceUnavailable {
                body: error,
                retry_after: _,
            } => outcome_of(error),
        }
    }
}

fn outcome_of_health(health: &types::Health) -> Outcome {
    match health.status {
        types::HealthStatus::Ok => Outcome::Done,
    }
}
