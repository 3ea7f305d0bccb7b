//! The tenant scope of statements, and row-level security: the only place that knows how a statement runs for a caller
//! that is limited to one tenant.
//!
//! With row-level security, such a statement runs in a transaction as the role [`BOUND_ROLE`], with the tenant in the
//! setting `registry.tenant`, on a connection that no other request uses. The policies show this role the rows of the
//! tenant only, and none if the setting is missing. These connections have their own pool, because Postgres plans a
//! prepared statement again when the role of a session changes.

use super::connection::{Connections, Database, Pool};
use crate::records::TenantScope;
use std::sync::Arc;
use tenant_registry_contract::types::TenantId;

/// The role whose rows the policies limit, as in the migration.
pub(super) const BOUND_ROLE: &str = "tenant_registry_bound";

/// The database, for callers with one tenant scope. `statements` and `transaction` run statements on it.
#[derive(Clone)]
pub(super) struct ScopedDatabase {
    pub(super) database: Arc<Database>,
    pub(super) bounds: Bounds,
}

impl ScopedDatabase {
    pub(super) fn new(database: &Arc<Database>, tenant_scope: TenantScope) -> Self {
        Self {
            database: Arc::clone(database),
            bounds: match tenant_scope {
                TenantScope::Only(tenant_id) if database.row_security => Bounds::Tenant(tenant_id),
                TenantScope::Only(_) | TenantScope::All => Bounds::None,
            },
        }
    }
}

/// What limits the rows that statements see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    /// Only their own conditions.
    None,
    /// Row-level security, to this tenant.
    Tenant(TenantId),
}

impl Bounds {
    /// The statements that begin a transaction, after `BEGIN`.
    pub(super) fn begin(self) -> String {
        match self {
            Self::None => String::new(),
            // The text of a UUID needs no quoting.
            Self::Tenant(tenant_id) => {
                format!("; SET LOCAL ROLE {BOUND_ROLE}; SET LOCAL registry.tenant = '{tenant_id}'")
            }
        }
    }

    /// The pool with the connections for these statements.
    pub(super) fn pool(self, connections: &Connections) -> &Pool {
        match self {
            Self::None => &connections.pool,
            Self::Tenant(_) => &connections.bound,
        }
    }
}
