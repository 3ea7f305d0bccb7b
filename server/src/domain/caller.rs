//! Callers: their identity, their tenant scope, and the origin of their request.

use super::error::{Forbidden, NotFound};
use super::origin::Origin;
use crate::api_key_hash::HashOwner;
use crate::records::TenantScope;
use std::sync::Arc;
use tenant_registry_contract::server::KeyedRequest;
use tenant_registry_contract::types::{ActorId, TenantId, Text};

/// The sender of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The identity and the tenant scope.
    pub identity: Identity,
    /// The origin of the request.
    pub origin: Origin,
    /// The request, if it has an `Idempotency-Key`.
    pub keyed: Option<KeyedRequest>,
}

/// The identity of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The actor in audit events. `None` if the service runs without authentication.
    pub actor: Option<Arc<Actor>>,
    /// Which tenants the caller may see.
    pub tenant_scope: TenantScope,
}

/// The actor of an audit event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The permanent id.
    pub id: ActorId,
    /// The display name.
    pub name: Option<Text>,
    /// The kind of the actor.
    pub kind: Text,
}

impl Identity {
    /// Every caller, if the service runs without authentication.
    pub const ANONYMOUS: Self = Self {
        actor: None,
        tenant_scope: TenantScope::All,
    };
}

impl Identity {
    /// The owner of a hash that the caller needs for a key of this tenant.
    pub(crate) fn hash_owner(&self, tenant_id: TenantId) -> HashOwner {
        let caller = self.actor.as_ref().map(|actor| actor.id.clone());
        HashOwner { tenant_id, caller }
    }
}

impl TenantScope {
    /// Rejects a foreign tenant with the same error as a missing one.
    pub(crate) fn require(self, tenant_id: TenantId) -> Result<(), NotFound> {
        if self.includes(tenant_id) {
            Ok(())
        } else {
            Err(NotFound::no_tenant_with_id(tenant_id))
        }
    }

    /// Rejects callers who may see only one tenant.
    pub(crate) fn require_all(self) -> Result<(), Forbidden> {
        match self {
            Self::All => Ok(()),
            Self::Only(own) => Err(Forbidden(format!(
                "the token is limited to the tenant {own}; use a token without `tenant_id` to create a tenant"
            ))),
        }
    }
}
