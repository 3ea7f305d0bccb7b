//! The responses to requests with an `Idempotency-Key`, which the generated code repeats.

use super::{AdmittedCaller, RegistryApi};
use crate::store::Store;
use tenant_registry_contract::server::{
    Idempotency, RequestKey, RequestMetadata, RunningRequests, ServerErrorResponse, StoredResponse,
};

impl<S: Store> Idempotency for RegistryApi<S> {
    fn caller(caller: &AdmittedCaller) -> Vec<u8> {
        caller.identity.idempotency_scope().into_bytes()
    }

    fn running_requests(&self) -> &RunningRequests {
        &self.running_requests
    }

    async fn stored_response(
        &self,
        metadata: &RequestMetadata,
        key: &RequestKey,
    ) -> Result<Option<StoredResponse>, ServerErrorResponse> {
        let response = self.registry.stored_response(key).await;
        response.map_err(|failure| self.server_error(key.operation, metadata, &failure))
    }
}
