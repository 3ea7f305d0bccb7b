//! The connection pool, and how connections are made.

use super::SetupError;
use super::tls;
use super::url::DatabaseUrl;
use crate::error_chain::with_causes;
use clap::ValueEnum;
use deadpool::Runtime;
use deadpool::managed::Timeouts;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool as pooled,
};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

pub(in crate::store::postgres) type Pool = pooled::Pool<AsyncPgConnection>;
pub(in crate::store::postgres) type PooledConnection = pooled::Object<AsyncPgConnection>;

/// The name of the service in `pg_stat_activity`, unless the URL sets `application_name`.
const APPLICATION_NAME: &str = "tenant-registry";

/// The settings of all connections to the database.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Maximum number of connections in the pool. A request has such a connection for itself. With row-level security,
    /// callers that are limited to one tenant have a second pool of this size. Reads of distributed events have a pool of
    /// half the size.
    pub size: usize,
    /// Additional connections that lookups of many requests share, and the same number again for pages of the audit log.
    pub shared: usize,
    /// Maximum time that a request waits for a connection.
    pub wait: Duration,
    /// Maximum time to connect to one host.
    pub connect_timeout: Duration,
    /// Maximum time of a statement or a transaction.
    pub statement_timeout: Duration,
    /// How a connection is checked before it is used again.
    pub recycling: Recycling,
    /// Whether row-level security limits the statements for callers that are limited to one tenant.
    pub row_security: RowSecurity,
}

impl PoolSettings {
    /// Maximum number of connections to the database.
    pub fn connections(&self) -> usize {
        let exclusive = match self.row_security {
            RowSecurity::Off => self.size,
            RowSecurity::On => self.size.saturating_mul(2),
        };
        exclusive
            .saturating_add(self.distributed_size())
            .saturating_add(self.shared.saturating_mul(2))
    }

    /// Maximum number of connections in the pool for reads of distributed events.
    pub(super) fn distributed_size(&self) -> usize {
        self.size.div_ceil(2)
    }
}

/// How a connection is checked before it is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recycling {
    /// Check only that it is not known to be closed. If it broke unnoticed, the request is retried on another one.
    Fast,
    /// Run a query. This costs each request a round trip.
    Verified,
}

/// Whether row-level security limits the statements for callers that are limited to one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowSecurity {
    /// The rules and the conditions of the statements limit them.
    Off,
    /// The database limits them as well.
    On,
}

impl RowSecurity {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        match self {
            Self::Off => false,
            Self::On => true,
        }
    }
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// Opens sessions whose statements have a time limit.
    pub(super) fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, tls::TlsError> {
        Ok(Self {
            config: session_config(url, settings.connect_timeout, Some(settings.statement_timeout)),
            tls: tls::connector(&url.trust)?,
        })
    }

    pub(super) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        connect(&self.config, self.tls.clone()).await
    }
}

/// Maximum time to connect, over all hosts of the URL.
pub(super) fn connect_limit(url: &DatabaseUrl, settings: &PoolSettings) -> Duration {
    settings.connect_timeout.saturating_mul(url.host_count())
}

/// A pool of up to `size` connections, none of which is open yet.
pub(super) fn pool(
    url: &DatabaseUrl,
    settings: &PoolSettings,
    size: usize,
    connector: Connector,
) -> Result<Pool, SetupError> {
    let mut manager = ManagerConfig::default();
    manager.recycling_method = match settings.recycling {
        Recycling::Fast => RecyclingMethod::Fast,
        Recycling::Verified => RecyclingMethod::Verified,
    };
    manager.custom_setup = Box::new(move |_| {
        let connector = connector.clone();
        Box::pin(async move { connector.connect().await })
    });
    // `custom_setup` has the URL. The empty one here keeps a second copy of the password out of memory.
    let manager = AsyncDieselConnectionManager::new_with_config("", manager);
    let pool = Pool::builder(manager)
        .max_size(size)
        .timeouts(Timeouts {
            wait: Some(settings.wait),
            create: Some(connect_limit(url, settings)),
            recycle: Some(settings.connect_timeout),
        })
        .runtime(Runtime::Tokio1)
        .build()?;
    Ok(pool)
}

/// Opens a connection outside the pool, whose statements have no time limit.
pub(in crate::store::postgres) async fn connect_unpooled(
    url: &DatabaseUrl,
    connect_timeout: Duration,
) -> Result<AsyncPgConnection, ConnectError> {
    let tls = tls::connector(&url.trust)?;
    Ok(connect(&session_config(url, connect_timeout, None), tls).await?)
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(in crate::store::postgres) enum ConnectError {
    #[error("{0}")]
    Tls(#[from] tls::TlsError),
    #[error("{}", with_causes(.0))]
    Connection(#[from] ConnectionError),
}

fn session_config(url: &DatabaseUrl, connect_timeout: Duration, statement_timeout: Option<Duration>) -> Config {
    let mut config = url.config.clone();
    config.connect_timeout(connect_timeout);
    // Detects a server that disappeared, whether or not anything is sent to it.
    config.keepalives_idle(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    if let Some(limit) = statement_timeout {
        config.tcp_user_timeout(limit.saturating_mul(2));
        // Of two options with the same name the last one counts. The service's own come last, so that the URL cannot
        // override them.
        let milliseconds = limit.as_millis();
        // Each statement has an index that serves it for all values. Planning it again for each value would cost more
        // than the statement itself. Each list has an index in its order. A plan that sorts reads all matching rows, and
        // the planner underestimates their number when it does not know the values.
        let service_options = format!(
            "-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} \
             -c idle_in_transaction_session_timeout={milliseconds} -c plan_cache_mode=force_generic_plan \
             -c enable_sort=off -c enable_incremental_sort=off"
        );
        let options = match config.get_options() {
            Some(given) => format!("{given} {service_options}"),
            None => service_options,
        };
        config.options(options);
    }
    config
}

async fn connect(config: &Config, tls: MakeRustlsConnect) -> ConnectionResult<AsyncPgConnection> {
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
    debug!("connected to the database");
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

fn describe(error: &tokio_postgres::Error) -> String {
    let text = with_causes(error);
    match error.code() {
        Some(state) => format!("SQLSTATE {}: {text}", state.code()),
        None => text,
    }
}
