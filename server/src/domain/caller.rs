//! Who asks: who they are, which tenants exist for them, and where their request came from.

use super::error::{Forbidden, NotFound};
use super::origin::Origin;
use super::tenants::no_tenant_with_id;
use std::sync::Arc;
use tenant_registry_contract::types::{ActorId, TenantId, Text};

/// Who sent a request, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who they are.
    pub identity: Identity,
    /// Where the request came from.
    pub origin: Origin,
}

/// What is known of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As the audit log names them; none where nobody is asked who they are.
    pub actor: Option<Arc<Actor>>,
    /// Which tenants exist for them.
    pub tenant_scope: TenantScope,
}

/// Somebody who acts, as the audit log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name that stays.
    pub id: ActorId,
    /// The name for people.
    pub name: Option<Text>,
    /// What kind of actor it is.
    pub kind: Text,
}

/// Which tenants exist for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantScope {
    /// All of them.
    All,
    /// One; what belongs to another does not exist.
    Only(TenantId),
}

impl Identity {
    /// Where nobody is asked who they are.
    pub const ANONYMOUS: Self = Self {
        actor: None,
        tenant_scope: TenantScope::All,
    };
}

impl TenantScope {
    /// Does what belongs to this tenant exist?
    pub fn includes(self, tenant_id: TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(own) => own == tenant_id,
        }
    }

    /// Refuses another's tenant in the words for one that does not exist.
    pub(crate) fn require(self, tenant_id: TenantId) -> Result<(), NotFound> {
        if self.includes(tenant_id) {
            Ok(())
        } else {
            Err(no_tenant_with_id(tenant_id))
        }
    }

    /// Refuses who belongs to a tenant.
    pub(crate) fn require_all(self) -> Result<(), Forbidden> {
        match self {
            Self::All => Ok(()),
            Self::Only(own) => Err(Forbidden(format!(
                "the token is one of the tenant {own}; a new tenant is made by a token of no tenant"
            ))),
        }
    }
}
