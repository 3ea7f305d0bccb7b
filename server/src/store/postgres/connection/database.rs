//! All connections of the store.

use super::SetupError;
use super::etcd::EtcdSettings;
use super::lease::{self, Lease};
use super::pool::{self, Connector, Pool, PoolSettings};
use super::primary::Primary;
use super::shared::SharedConnections;
use super::url::DatabaseUrl;
use crate::store::postgres::error::DbError;
use std::sync::Arc;
use std::time::Duration;

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
    /// How long they may be used. Check it before a statement and after its result.
    pub(in crate::store::postgres) lease: Lease,
}

impl Connections {
    /// Opens no connection yet.
    pub(super) fn new(url: &DatabaseUrl, settings: &PoolSettings, lease: Lease) -> Result<Self, SetupError> {
        let connector = Connector::new(url, settings)?;
        let wait = settings.wait.max(pool::connect_limit(url, settings));
        Ok(Self {
            pool: pool::pool(url, settings, connector.clone())?,
            bound: pool::pool(url, settings, connector.clone())?,
            lookups: SharedConnections::new(settings.shared, connector.clone(), wait),
            pages: SharedConnections::new(settings.shared, connector, wait),
            lease,
        })
    }

    /// Stops using the connections that are open now.
    pub(in crate::store::postgres) fn disconnect(&self) {
        self.pool.retain(|_, _| false);
        self.bound.retain(|_, _| false);
        self.lookups.discard_all();
        self.pages.discard_all();
    }
}

/// The connections of the store, and how statements run on them.
pub(in crate::store::postgres) struct Database {
    source: Source,
    pub(in crate::store::postgres) statement_timeout: Duration,
    /// Whether statements for callers that are limited to one tenant run under row-level security.
    pub(in crate::store::postgres) row_security: bool,
}

/// Where connections lead.
enum Source {
    /// To the host that the URL selects.
    Url(Arc<Connections>),
    /// To the host that etcd says is the primary.
    Primary(Primary),
}

impl Database {
    /// Opens no connection yet.
    ///
    /// # Panics
    /// Outside a tokio runtime, if etcd is asked.
    pub(in crate::store::postgres) fn new(
        url: &DatabaseUrl,
        settings: &PoolSettings,
        etcd: Option<EtcdSettings>,
    ) -> Result<Self, SetupError> {
        let source = match etcd {
            None => Source::Url(Arc::new(Connections::new(url, settings, Lease::Unlimited)?)),
            Some(etcd) => Source::Primary(Primary::follow(etcd, url, settings)?),
        };
        Ok(Self {
            source,
            statement_timeout: settings.statement_timeout,
            row_security: settings.row_security.is_on(),
        })
    }

    /// The connections, if they may be used now.
    pub(in crate::store::postgres) fn connections(&self) -> Result<Arc<Connections>, DbError> {
        let connections = self.current().ok_or_else(lease::ended)?;
        connections.lease.check()?;
        Ok(connections)
    }

    /// The connections, whether or not they may be used. There are none while no host is known to be the primary.
    pub(in crate::store::postgres) fn current(&self) -> Option<Arc<Connections>> {
        match &self.source {
            Source::Url(connections) => Some(Arc::clone(connections)),
            Source::Primary(primary) => primary.current(),
        }
    }

    /// How long the current connections may be used, if that is limited.
    pub(in crate::store::postgres) fn lease_left(&self) -> Option<Duration> {
        match &self.source {
            Source::Url(connections) => connections.lease.left(),
            Source::Primary(primary) => {
                let left = primary.current().and_then(|connections| connections.lease.left());
                Some(left.unwrap_or_default())
            }
        }
    }
}
