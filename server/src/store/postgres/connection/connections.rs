//! The connections to the hosts of `DATABASE_URL`.

use super::SetupError;
use super::lease::Lease;
use super::pool::{self, Connector, Pool, PoolSettings};
use super::shared::SharedConnections;
use super::url::DatabaseUrl;

/// Connections to the hosts of one URL.
pub(in crate::store::postgres) struct Connections {
    /// Connections that one request at a time uses.
    pub(in crate::store::postgres) pool: Pool,
    /// The same for callers that are limited to one tenant, with row-level security.
    pub(in crate::store::postgres) bound: Pool,
    /// Connections that lookups share.
    pub(in crate::store::postgres) lookups: SharedConnections,
    /// Connections that pages of the audit log share. They are separate because a page takes longer than a lookup, which
    /// would wait behind it.
    pub(in crate::store::postgres) pages: SharedConnections,
    /// Connections for reads of events on the workers of a Citus cluster. They are separate so that these reads, which take
    /// longer than changes, do not take the connections of changes.
    pub(in crate::store::postgres) distributed: Pool,
    /// How long they may be used. Check it before a statement and after its result.
    pub(in crate::store::postgres) lease: Lease,
}

impl Connections {
    /// Opens no connection yet.
    pub(super) fn new(url: &DatabaseUrl, settings: &PoolSettings, lease: Lease) -> Result<Self, SetupError> {
        let connector = Connector::new(url, settings)?;
        let wait = settings.wait.max(pool::connect_limit(url, settings));
        Ok(Self {
            pool: pool::pool(url, settings, settings.size, connector.clone())?,
            bound: pool::pool(url, settings, settings.size, connector.clone())?,
            distributed: pool::pool(url, settings, settings.distributed_size(), connector.clone())?,
            lookups: SharedConnections::new(settings.shared, connector.clone(), wait),
            pages: SharedConnections::new(settings.shared, connector, wait),
            lease,
        })
    }

    /// Stops using the connections that are open now.
    pub(in crate::store::postgres) fn disconnect(&self) {
        self.pool.retain(|_, _| false);
        self.bound.retain(|_, _| false);
        self.distributed.retain(|_, _| false);
        self.lookups.discard_all();
        self.pages.discard_all();
    }
}
