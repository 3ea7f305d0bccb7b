//! Who is let in: the generated code asks here before each operation that is not for everybody.

use super::RegistryApi;
use crate::domain::caller::Identity;
use crate::store::Store;
use tenant_registry_contract::server::{Admission, Admitted, Credentials, NotAdmitted, RequestMetadata, Scope};

impl<S: Store> Admission for RegistryApi<S> {
    type Identity = Identity;

    async fn admit(
        &self,
        _metadata: &RequestMetadata,
        _credentials: Credentials,
    ) -> Result<Admitted<Identity>, NotAdmitted> {
        Ok(Admitted {
            identity: Identity::ANYBODY,
            scopes: Scope::ALL.into_iter().collect(),
        })
    }
}
