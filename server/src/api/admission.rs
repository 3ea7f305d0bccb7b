//! Who is let in: the generated code asks here before each operation that is not for everybody.

use super::{RegistryApi, answers};
use crate::domain::caller::Identity;
use crate::store::Store;
use std::sync::Arc;
use tenant_registry_contract::server::{
    Admission, Admitted, Credentials, NotAdmitted, RequestMetadata, Scope, TryLater,
};
use tokio::sync::OwnedSemaphorePermit;

/// A caller who was let in, with one of the places that there are for requests: it is free again when this is dropped,
/// with the call of the operation.
#[derive(Debug)]
pub struct AdmittedCaller {
    pub(super) identity: Identity,
    _place: OwnedSemaphorePermit,
}

impl<S: Store> Admission for RegistryApi<S> {
    type Identity = AdmittedCaller;

    async fn admit(
        &self,
        _metadata: &RequestMetadata,
        _credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        // Last, so that nobody who is not known takes a place. Nobody waits for one: a queue would only make all late.
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.full())?;
        Ok(Admitted {
            identity: AdmittedCaller {
                identity: Identity::ANYBODY,
                _place: place,
            },
            scopes: Scope::ALL.into_iter().collect(),
        })
    }
}

impl<S> RegistryApi<S> {
    fn full(&self) -> NotAdmitted {
        NotAdmitted::TryLater(TryLater::ServiceUnavailable {
            body: answers::unavailable(),
            retry_after: self.settings.retry_after,
        })
    }
}
