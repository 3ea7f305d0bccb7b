//! The database, as the store's files use it: its connections, and the limit in time of what runs on them.

use super::SetupError;
use super::database_url::DatabaseUrl;
use super::pool::{self, Connector, Pool, PoolSettings};
use super::shared::SharedConnections;
use std::time::Duration;

/// Connections of all kinds. How statements run on them, `transaction` says.
pub(super) struct Database {
    pub(super) pool: Pool,
    pub(super) look_ups: SharedConnections,
    /// Of their own: a page takes longer than a look-up, which would wait behind it.
    pub(super) pages: SharedConnections,
    pub(super) statement_timeout: Duration,
}

impl Database {
    /// Without any connection yet.
    pub(super) fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, SetupError> {
        let connector = Connector::new(url, settings)?;
        let wait = settings.wait.max(pool::connect_limit(url, settings));
        Ok(Self {
            pool: pool::pool(url, settings, connector.clone())?,
            look_ups: SharedConnections::new(settings.shared, connector.clone(), wait),
            pages: SharedConnections::new(settings.shared, connector, wait),
            statement_timeout: settings.statement_timeout,
        })
    }

    /// What is connected now is not used again.
    pub(super) fn disconnect(&self) {
        self.pool.retain(|_, _| false);
        self.look_ups.discard_all();
        self.pages.discard_all();
    }
}
