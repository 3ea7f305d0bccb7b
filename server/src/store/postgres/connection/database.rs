//! All connections of the store.

use super::SetupError;
use super::pool::{self, Connector, Pool, PoolSettings};
use super::shared::SharedConnections;
use super::url::DatabaseUrl;
use std::time::Duration;

/// The connections of the store, and the time limit of the statements on them. `statements` and `transaction` run
/// statements.
pub(in crate::store::postgres) struct Database {
    /// Connections that one request at a time uses.
    pub(in crate::store::postgres) pool: Pool,
    /// Connections that lookups share.
    pub(in crate::store::postgres) lookups: SharedConnections,
    /// Connections that pages of the audit log share. They are separate because a page takes longer than a lookup, which
    /// would wait behind it.
    pub(in crate::store::postgres) pages: SharedConnections,
    pub(in crate::store::postgres) statement_timeout: Duration,
}

impl Database {
    /// Opens no connection yet.
    pub(in crate::store::postgres) fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, SetupError> {
        let connector = Connector::new(url, settings)?;
        let wait = settings.wait.max(pool::connect_limit(url, settings));
        Ok(Self {
            pool: pool::pool(url, settings, connector.clone())?,
            lookups: SharedConnections::new(settings.shared, connector.clone(), wait),
            pages: SharedConnections::new(settings.shared, connector, wait),
            statement_timeout: settings.statement_timeout,
        })
    }

    /// Stops using the connections that are open now.
    pub(in crate::store::postgres) fn disconnect(&self) {
        self.pool.retain(|_, _| false);
        self.lookups.discard_all();
        self.pages.discard_all();
    }
}
