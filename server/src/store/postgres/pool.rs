//! The connections: how they are made, kept and given out.

use super::SetupError;
use super::database_url::DatabaseUrl;
use super::tls;
use crate::limits::descriptors::Reserve;
use clap::ValueEnum;
use deadpool::Runtime;
use deadpool::managed::Timeouts;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool as pooled,
};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

pub(super) type Pool = pooled::Pool<AsyncPgConnection>;
pub(super) type PooledConnection = pooled::Object<AsyncPgConnection>;

/// What the database sees in `pg_stat_activity`, where the URL names nothing else.
const APPLICATION_NAME: &str = "tenant-registry";

/// How the pool behaves.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// The most connections that one request has for itself.
    pub size: usize,
    /// The connections, besides, on which look-ups of many requests run at once; and as many for pages of the log.
    pub shared: usize,
    /// The most time that a request waits for a connection.
    pub wait: Duration,
    /// The most time that connecting to one host takes.
    pub connect_timeout: Duration,
    /// The most time that a statement, or a transaction, takes.
    pub statement_timeout: Duration,
    /// What is tried before a connection is used again.
    pub recycling: Recycling,
}

impl PoolSettings {
    /// The most connections in all.
    pub fn connections(&self) -> usize {
        self.size.saturating_add(self.shared.saturating_mul(2))
    }
}

/// What is tried before a connection is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recycling {
    /// That it is not known to be closed. One that broke unnoticed costs a second attempt.
    Fast,
    /// That it answers a query: a round trip more for each request.
    Verified,
}

/// How a connection is made.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    reserve: Arc<Reserve>,
}

impl Connector {
    /// For sessions whose statements have a limit in time.
    pub(super) fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, SetupError> {
        Ok(Self {
            config: session_config(url, settings.connect_timeout, Some(settings.statement_timeout)),
            tls: tls::connector(&url.trust)?,
            reserve: Arc::new(Reserve::for_connections(settings.connections())),
        })
    }

    pub(super) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        self.reserve.lend();
        let connected = connect(&self.config, self.tls.clone()).await;
        self.reserve.refill();
        connected
    }
}

/// The most time that connecting takes, whichever host it is in the end.
pub(super) fn connect_limit(url: &DatabaseUrl, settings: &PoolSettings) -> Duration {
    settings.connect_timeout.saturating_mul(url.hosts())
}

/// A pool without any connection yet.
pub(super) fn pool(url: &DatabaseUrl, settings: &PoolSettings, connector: Connector) -> Result<Pool, SetupError> {
    let mut manager = ManagerConfig::default();
    manager.recycling_method = match settings.recycling {
        Recycling::Fast => RecyclingMethod::Fast,
        Recycling::Verified => RecyclingMethod::Verified,
    };
    manager.custom_setup = Box::new(move |_| {
        let connector = connector.clone();
        Box::pin(async move { connector.connect().await })
    });
    // The URL is in `custom_setup`; here it would only be one more place that holds the password.
    let manager = AsyncDieselConnectionManager::new_with_config("", manager);
    let pool = Pool::builder(manager)
        .max_size(settings.size)
        .timeouts(Timeouts {
            wait: Some(settings.wait),
            create: Some(connect_limit(url, settings)),
            recycle: Some(settings.connect_timeout),
        })
        .runtime(Runtime::Tokio1)
        .build()?;
    Ok(pool)
}

/// A connection outside any pool, without a limit for its statements.
pub(super) async fn connect_alone(
    url: &DatabaseUrl,
    connect_timeout: Duration,
) -> Result<AsyncPgConnection, ConnectError> {
    let tls = tls::connector(&url.trust)?;
    Ok(connect(&session_config(url, connect_timeout, None), tls).await?)
}

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Tls(#[from] tls::TlsError),
    #[error("{}", crate::error_chain::with_causes(.0))]
    Connection(#[from] ConnectionError),
}

fn session_config(url: &DatabaseUrl, connect_timeout: Duration, statement_timeout: Option<Duration>) -> Config {
    let mut config = url.config.clone();
    config.connect_timeout(connect_timeout);
    // A server that vanished without a word is noticed when it is written to, and when it is not.
    config.keepalives_idle(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    if let Some(limit) = statement_timeout {
        config.tcp_user_timeout(limit.saturating_mul(2));
        // After the URL's own options, which the server would let win otherwise; the limits are the service's to keep.
        let milliseconds = limit.as_millis();
        // Each statement has an index that serves it whatever its values are, so that planning it again for each of them
        // would only cost time (with the log's many indexes more than the statement itself). And each list has one in its
        // order: a plan that sorts instead reads all that matches, which the planner takes for little where it does not
        // know the values.
        let own = format!(
            "-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} \
             -c idle_in_transaction_session_timeout={milliseconds} -c plan_cache_mode=force_generic_plan \
             -c enable_sort=off -c enable_incremental_sort=off"
        );
        let options = match config.get_options() {
            Some(given) => format!("{given} {own}"),
            None => own,
        };
        config.options(options);
    }
    config
}

async fn connect(config: &Config, tls: MakeRustlsConnect) -> ConnectionResult<AsyncPgConnection> {
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| ConnectionError::BadConnection(crate::error_chain::with_causes(&error)))?;
    debug!("connected to the database");
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}
