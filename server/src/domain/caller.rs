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
    pub reach: Reach,
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
pub enum Reach {
    /// All of them.
    Everything,
    /// One; what belongs to another does not exist.
    Tenant(TenantId),
}

impl Identity {
    /// Where nobody is asked who they are.
    pub const ANYBODY: Self = Self {
        actor: None,
        reach: Reach::Everything,
    };
}

impl Reach {
    /// Does what belongs to this tenant exist?
    pub fn includes(self, tenant_id: TenantId) -> bool {
        match self {
            Self::Everything => true,
            Self::Tenant(own) => own == tenant_id,
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
    pub(crate) fn require_everything(self) -> Result<(), Forbidden> {
        match self {
            Self::Everything => Ok(()),
            Self::Tenant(own) => Err(Forbidden(format!(
                "the token is one of the tenant {own}; a new tenant is made by a token of no tenant"
            ))),
        }
    }
}
