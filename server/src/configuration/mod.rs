//! Settings: the flag and the environment variable of each, its default, and the effect of bad values.
//!
//! Flags take precedence over environment variables. An empty variable counts as not set. `value` rejects invisible
//! characters in all values.

mod allowed_origin;
mod authentication;
mod command_line;
mod database;
mod etcd;
mod hashing;
mod limits;
mod listeners;
mod parsers;
mod renamed;
mod secret;
mod shutdown;
mod standbys;
mod traces;
mod value;

#[cfg(test)]
mod tests;

use crate::api::ApiSettings;
use crate::auth::AccessSettings;
use crate::domain::origin::TrustedProxies;
use crate::serve::ServeSettings;
use crate::store::postgres::{EtcdSettings, StandbySettings};
use crate::telemetry::{LogFormat, LogLevel};
pub use allowed_origin::{AllowedOrigin, AllowedOriginError};
pub use authentication::{AccessError, AuthenticationConfiguration};
use clap::Args;
pub use command_line::{AuditCommand, Cli, Command, DistributeConfiguration, error_line};
pub use database::{DatabaseConfiguration, PoolConfiguration};
pub use etcd::{EtcdConfiguration, EtcdConfigurationError};
pub use hashing::HashConfiguration;
use ipnet::IpNet;
pub use limits::LimitsConfiguration;
pub use listeners::ListenerConfiguration;
use parsers::whole_number;
pub use renamed::RenamedSetting;
pub use secret::Secret;
pub use shutdown::ShutdownConfiguration;
pub use standbys::{StandbyConfiguration, StandbyConfigurationError};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tenant_registry_contract::http::AllowedOrigins;
use tenant_registry_contract::types::RetryAfterSeconds;
use thiserror::Error;
pub use traces::{HeadersError, TracesConfiguration};
use url::Host;

/// How often the last use of API keys is written. A key is written at most once per interval, however often it is used. A
/// crash loses at most the uses of one interval.
const LAST_USED_INTERVAL: Duration = Duration::from_secs(5);

/// The settings of `serve`.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfiguration,

    /// The connections to the database.
    #[command(flatten)]
    pub pool: PoolConfiguration,

    /// The lock of the database's primary.
    #[command(flatten)]
    pub etcd: EtcdConfiguration,

    /// The standbys of the database.
    #[command(flatten)]
    pub standbys: StandbyConfiguration,

    /// Do not migrate the database's schema at startup. The start then fails if the schema is older or newer than this
    /// version of the service. By default, the start migrates the schema.
    #[arg(long)]
    pub no_migrate: bool,

    /// Keep the records in memory, where they are lost when the process ends, although other settings are those of a service
    /// that keeps them: OIDC_ISSUER, --no-migrate, or an address that other machines can reach.
    #[arg(long, conflicts_with_all = ["database_url", "database_url_file"])]
    pub in_memory: bool,

    /// The addresses to listen on.
    #[command(flatten)]
    pub listeners: ListenerConfiguration,

    /// How callers authenticate.
    #[command(flatten)]
    pub authentication: AuthenticationConfiguration,

    /// TOML file with the products, instead of the built-in catalog. The start fails if the file is invalid, and names the
    /// line. If the file lacks a product that tenants have, they keep their entitlements, but it cannot be requested.
    #[arg(long, env = "CATALOG_FILE", value_name = "CATALOG_FILE")]
    pub catalog_file: Option<PathBuf>,

    /// Level of detail of the log, which goes to standard error. Levels below `info` omit the line for each request.
    /// `debug` adds the outcome of each operation.
    #[arg(long, env = "LOG_LEVEL", value_name = "LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,

    /// Format of the log.
    #[arg(long, env = "LOG_FORMAT", value_name = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,

    /// Limits on requests and connections.
    #[command(flatten)]
    pub limits: LimitsConfiguration,

    /// The export of traces.
    #[command(flatten)]
    pub traces: TracesConfiguration,

    /// Addresses or networks (CIDR) of trusted proxies, separated by commas. Only their X-Forwarded-For headers are used. If
    /// a proxy is missing, the audit log shows the proxy's address instead of the caller's. If the list is too wide, its
    /// callers can write any address to the audit log.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        value_name = "TRUSTED_PROXIES",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Origins, such as `https://console.example.com`, whose pages may call the service from a browser (CORS), separated by
    /// commas. If not set, browsers let only the service's own pages read its responses. A page of an allowed origin can do
    /// everything that its visitors can do.
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<AllowedOrigin>,

    /// Names, such as `registry.test`, that requests may use for the service in `Host`, in addition to `localhost` and
    /// loopback addresses, separated by commas. Used only if OIDC_ISSUER is not set and the service listens on a loopback
    /// address: it then rejects other names, so that no web page can reach it through its own name.
    #[arg(
        long,
        env = "ALLOWED_HOSTS",
        value_name = "ALLOWED_HOSTS",
        value_delimiter = ',',
        value_parser = host
    )]
    pub allowed_hosts: Vec<String>,

    /// How the service stops.
    #[command(flatten)]
    pub shutdown: ShutdownConfiguration,

    /// The hashing of API keys.
    #[command(flatten)]
    pub hashing: HashConfiguration,

    /// Seconds that callers are told to wait when the service is busy (Retry-After). Too low: callers return before the
    /// service has recovered. Too high: they wait longer than necessary.
    #[arg(long, env = "RETRY_AFTER", value_name = "RETRY_AFTER", default_value = "1")]
    pub retry_after: RetryAfterSeconds,

    /// Hours for which the responses to requests with an `Idempotency-Key` are kept and repeated, from 1 to 720. Too low: a
    /// caller that was offline for longer makes its change a second time. Too high: the table grows.
    #[arg(
        long,
        env = "IDEMPOTENCY_HOURS",
        value_name = "IDEMPOTENCY_HOURS",
        default_value_t = 24,
        value_parser = whole_number::<u32>("hours", 1, 720, 24)
    )]
    pub idempotency_hours: u32,

    /// The settings that were given under their old names.
    #[arg(skip)]
    pub renamed_settings: Vec<RenamedSetting>,
}

/// The service would lose its records, most likely by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "without --database-url <DATABASE_URL> the records are in memory and are lost when the process ends: set a database, or \
     allow this with --in-memory"
)]
pub struct NoDatabase;

fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    match Host::parse(text) {
        Ok(host) if host.to_string() == text => Ok(text.to_owned()),
        Ok(host) => Err(format!("write it as `{host}`")),
        Err(_) => Err("not a host name such as registry.test, without scheme and port".to_owned()),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "neither an IP address nor a network such as 10.0.0.0/8".to_owned())
}

impl Configuration {
    /// Whether callers must authenticate, and with which issuer.
    ///
    /// # Errors
    /// Fails if the service would be open to other machines without `--insecure-no-auth`.
    pub fn access(&self) -> Result<AccessSettings, AccessError> {
        self.authentication.access(&self.listeners)
    }

    /// Checks that the records are not in memory by mistake.
    ///
    /// # Errors
    /// Fails if there is neither a database nor `--in-memory`, and the service is not only for a first look.
    pub fn check_store(&self) -> Result<(), NoDatabase> {
        let is_first_look =
            self.authentication.oidc_issuer.is_none() && self.listeners.exposed().is_none() && !self.no_migrate;
        if self.database.is_set() || self.in_memory || is_first_look {
            Ok(())
        } else {
            Err(NoDatabase)
        }
    }

    /// How etcd is asked which database host is the primary. `None` if it is not asked.
    ///
    /// # Errors
    /// If settings contradict each other.
    pub fn etcd_settings(&self) -> Result<Option<EtcdSettings>, EtcdConfigurationError> {
        self.etcd.settings(&self.database)
    }

    /// How standbys of the database are used. `None` if they are not.
    ///
    /// # Errors
    /// If the URL is invalid, or if there is no database.
    pub fn standby_settings(&self) -> Result<Option<StandbySettings>, StandbyConfigurationError> {
        self.standbys.settings(&self.database)
    }

    /// The settings of the running service. There is room for `max_connections` connections of callers.
    ///
    /// # Errors
    /// Fails if a header for the trace collector is malformed.
    pub fn serve_settings(&self, max_connections: usize) -> Result<ServeSettings, HeadersError> {
        let ListenerConfiguration {
            bind_address,
            internal_address,
            metrics_address,
        } = self.listeners;
        Ok(ServeSettings {
            bind_address,
            internal_address,
            metrics_address,
            limits: self.limits.request_limits(),
            max_connections,
            shutdown_drain: self.shutdown.drain(),
            shutdown_timeout: self.shutdown.timeout(),
            last_used_interval: LAST_USED_INTERVAL,
            idempotency_retention: Duration::from_secs(u64::from(self.idempotency_hours) * 60 * 60),
            allowed_origins: AllowedOrigins::new(self.allowed_origins.iter().map(Into::into)),
            allowed_hosts: self.allowed_hosts.clone(),
            traces: self.traces.settings()?,
            api: ApiSettings {
                trusted_proxies: TrustedProxies::new(self.trusted_proxies.clone()),
                retry_after: self.retry_after,
                request_rate: self.limits.request_rate,
                max_requests: self.limits.requests(),
                max_memory: self.limits.memory(),
            },
        })
    }
}
