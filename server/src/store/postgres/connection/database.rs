//! All connections of the store.

use super::SetupError;
use super::connections::Connections;
use super::etcd::EtcdSettings;
use super::lease::{self, Lease};
use super::pool::PoolSettings;
use super::primary::Primary;
use super::standbys::{StandbySettings, Standbys};
use super::url::DatabaseUrl;
use crate::store::postgres::error::DbError;
use std::sync::Arc;
use std::time::Duration;

/// The connections of the store, and how statements run on them.
pub(in crate::store::postgres) struct Database {
    source: Arc<Source>,
    /// The connections to standbys, for pages of lists only.
    pub(in crate::store::postgres) standbys: Option<Standbys>,
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

impl Source {
    /// The connections, if they may be used now.
    fn connections(&self) -> Result<Arc<Connections>, DbError> {
        let connections = self.current().ok_or_else(lease::ended)?;
        connections.lease.check()?;
        Ok(connections)
    }

    fn current(&self) -> Option<Arc<Connections>> {
        match self {
            Self::Url(connections) => Some(Arc::clone(connections)),
            Self::Primary(primary) => primary.current(),
        }
    }
}

impl Database {
    /// Opens no connection to the primary yet.
    ///
    /// # Panics
    /// Outside a tokio runtime, if etcd is asked or pages are read from standbys.
    pub(in crate::store::postgres) fn new(
        url: &DatabaseUrl,
        settings: &PoolSettings,
        etcd: Option<EtcdSettings>,
        standbys: Option<StandbySettings>,
    ) -> Result<Self, SetupError> {
        let source = match etcd {
            None => {
                let connections = Connections::new(url, settings, Lease::Unlimited)?;
                Source::Url(Arc::new(connections))
            }
            Some(etcd) => Source::Primary(Primary::follow(etcd, url, settings)?),
        };
        let source = Arc::new(source);
        let follow = |standbys| {
            let source = Arc::clone(&source);
            Standbys::follow(standbys, settings, move || source.connections())
        };
        Ok(Self {
            standbys: standbys.map(follow).transpose()?,
            source,
            statement_timeout: settings.statement_timeout,
            row_security: settings.row_security.is_on(),
        })
    }

    /// The connections, if they may be used now.
    pub(in crate::store::postgres) fn connections(&self) -> Result<Arc<Connections>, DbError> {
        self.source.connections()
    }

    /// The connections, whether or not they may be used. There are none while no host is known to be the primary.
    pub(in crate::store::postgres) fn current(&self) -> Option<Arc<Connections>> {
        self.source.current()
    }

    /// How long the current connections may be used, if that is limited.
    pub(in crate::store::postgres) fn lease_left(&self) -> Option<Duration> {
        match &*self.source {
            Source::Url(connections) => connections.lease.left(),
            Source::Primary(primary) => {
                let left = primary.current().and_then(|connections| connections.lease.left());
                Some(left.unwrap_or_default())
            }
        }
    }
}
