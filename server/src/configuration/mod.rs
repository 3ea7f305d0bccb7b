//! Configuration: every setting, its variable, its default, and what goes wrong when it is set badly.
//!
//! Flags go before environment variables; a variable that is set to nothing counts as not set.

mod allowed_origin;
mod authentication;
mod command_line;
mod database;
mod limits;
mod traces;

use crate::api::ApiSettings;
use crate::api_key_hash::{HashLimits, PrefixBudget};
use crate::auth::AccessSettings;
use crate::domain::origin::TrustedProxies;
use crate::serve::ServeSettings;
use crate::telemetry::{LogFormat, LogLevel};
pub use allowed_origin::{AllowedOrigin, AllowedOriginError};
pub use authentication::{AccessError, AuthenticationConfiguration};
use clap::Args;
pub use command_line::{AuditCommand, Cli, Command, refusal};
pub use database::{DatabaseConfiguration, PoolConfiguration};
use ipnet::IpNet;
pub use limits::LimitsConfiguration;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;
use tenant_registry_contract::http::AllowedOrigins;
use tenant_registry_contract::types::RetryAfterSeconds;
pub use traces::{HeadersError, TracesConfiguration};

/// How often the times of last use are written: "within seconds" of the use. A key is written at most once in this time,
/// however often it verifies, and a crash loses at most the uses of this time.
const LAST_USED_INTERVAL: Duration = Duration::from_secs(5);

/// The settings of `serve`.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// Where the records are.
    #[command(flatten)]
    pub database: DatabaseConfiguration,

    /// How connections to the database are kept.
    #[command(flatten)]
    pub pool: PoolConfiguration,

    /// Leave the database's schema as it is, and refuse to start where it is older or newer than this binary knows.
    /// Otherwise the start brings it up to date.
    #[arg(long)]
    pub no_migrate: bool,

    /// Address and port to listen on; port 0 takes a free one, which the first line on standard output names. An address
    /// that this machine does not have, or a port in use, stops the start. 0.0.0.0 serves every network that reaches the
    /// machine; without OIDC_ISSUER that is refused.
    #[arg(long, env = "BIND_ADDR", value_name = "BIND_ADDR", default_value = "127.0.0.1:8090")]
    pub bind_address: SocketAddr,

    /// Address and port for the operations under `/v1/internal/`, which the platform's own programs call; port 0 takes a free
    /// one, which a line on standard output names. They are then not served at BIND_ADDR. Where left out they are served there
    /// with all others.
    #[arg(long, env = "INTERNAL_ADDR", value_name = "INTERNAL_ADDR")]
    pub internal_address: Option<SocketAddr>,

    /// Address and port for `/metrics` (OpenMetrics, for Prometheus); port 0 takes a free one, which a line on standard
    /// output names. Where left out there are no metrics. Callers of the API have no business there.
    #[arg(long, env = "OPERATIONS_ADDR", value_name = "OPERATIONS_ADDR")]
    pub operations_address: Option<SocketAddr>,

    /// Who may call.
    #[command(flatten)]
    pub authentication: AuthenticationConfiguration,

    /// TOML file with the products, in place of the built-in ones. A broken one stops the start with its line; one that
    /// lacks a product that tenants have leaves their entitlements as they are, but nobody can request it.
    #[arg(long, env = "CATALOG_FILE", value_name = "CATALOG_FILE")]
    pub catalog_file: Option<PathBuf>,

    /// How much is logged, to standard error. Below `info` the lines for the requests are missing; `debug` adds the
    /// outcome of each operation.
    #[arg(long, env = "LOG_LEVEL", value_name = "LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,

    /// How log lines are written.
    #[arg(long, env = "LOG_FORMAT", value_name = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What requests may take.
    #[command(flatten)]
    pub limits: LimitsConfiguration,

    /// Where traces go.
    #[command(flatten)]
    pub traces: TracesConfiguration,

    /// Addresses or networks (CIDR) of the proxies whose X-Forwarded-For is believed, separated by commas. One that is
    /// missing puts the proxy's address into the audit log; one too many lets its users write any address there.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        value_name = "TRUSTED_PROXIES",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Origins such as `https://console.example.com` whose pages may call the service from a browser (CORS), separated by
    /// commas; without any, browsers keep its answers from all pages but its own. One too many lets whatever runs there act
    /// with all that its visitors can reach.
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<AllowedOrigin>,

    /// Seconds after SIGTERM in which the readiness probe says 503 and all else is served as before, up to 600. Too short,
    /// and a load balancer still sends requests when nobody takes them any more; it has to ask the probe in this time. SIGINT
    /// and a second SIGTERM do not wait.
    #[arg(
        long,
        env = "SHUTDOWN_DRAIN",
        value_name = "SHUTDOWN_DRAIN",
        default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(..=600)
    )]
    pub shutdown_drain: u64,

    /// Most seconds between SHUTDOWN_DRAIN and the end, from 1 to 3600. Too short, and requests that run are cut off; if the
    /// platform does not wait for both, it kills the process first.
    #[arg(
        long,
        env = "SHUTDOWN_TIMEOUT",
        value_name = "SHUTDOWN_TIMEOUT",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub shutdown_timeout: u64,

    /// API keys that are hashed at once, from 1 to 256; one for each processor where left out. Each takes 64 MiB and a
    /// processor: too many take both from everything else, too few make verifying wait.
    #[arg(
        long,
        env = "HASH_PERMITS",
        value_name = "HASH_PERMITS",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub hash_permits: Option<u16>,

    /// Callers that may wait for a key to be hashed, up to 65535; a quarter of them with keys of the same prefix. Who finds
    /// no place is told at once to try again: too few, and short bursts are turned away; too many, and a flood makes
    /// everybody wait.
    #[arg(long, env = "HASH_QUEUE", value_name = "HASH_QUEUE", default_value_t = 64)]
    pub hash_queue: u16,

    /// API keys of which the process remembers that they matched, from 1 to 10000000, at some 100 bytes each: those are not
    /// hashed again. Too few for the keys in use, and each verify of the others costs a hash.
    #[arg(
        long,
        env = "HASH_MEMORY",
        value_name = "HASH_MEMORY",
        default_value_t = 65_536,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    pub hash_memory: u32,

    /// Hashes a minute for the keys of one prefix, from 1; ten at once after a time of rest. A key that is remembered
    /// needs none. Too many, and who knows a prefix takes the processors with wrong secrets; too few, and after a flood of
    /// these the right key is unavailable for longer where it is presented for the first time.
    #[arg(
        long,
        env = "HASH_PREFIX_PER_MINUTE",
        value_name = "HASH_PREFIX_PER_MINUTE",
        default_value = "10"
    )]
    pub hash_prefix_per_minute: NonZeroU32,

    /// Seconds that a caller is told to wait when the service has no room (Retry-After). Too low, and callers come back
    /// before it has; too high, and they stay away longer than they need to.
    #[arg(long, env = "RETRY_AFTER", value_name = "RETRY_AFTER", default_value = "1")]
    pub retry_after: RetryAfterSeconds,
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "neither an IP address nor a network such as 10.0.0.0/8".to_owned())
}

impl Configuration {
    /// Who is let in.
    ///
    /// # Errors
    /// When everybody would be who reaches this machine, without that having been asked for.
    pub fn access(&self) -> Result<AccessSettings, AccessError> {
        self.authentication
            .access([self.bind_address].into_iter().chain(self.internal_address))
    }

    /// What the running service needs.
    ///
    /// # Errors
    /// A header for the collector of traces that cannot be read.
    pub fn serve_settings(&self) -> Result<ServeSettings, HeadersError> {
        Ok(ServeSettings {
            bind_address: self.bind_address,
            internal_address: self.internal_address,
            operations_address: self.operations_address,
            body_limit: self.limits.body_bytes(),
            limits: self.limits.of_a_request(),
            shutdown_drain: Duration::from_secs(self.shutdown_drain),
            shutdown_timeout: Duration::from_secs(self.shutdown_timeout),
            last_used_interval: LAST_USED_INTERVAL,
            allowed_origins: AllowedOrigins::new(self.allowed_origins.iter().map(Into::into)),
            traces: self.traces.settings()?,
            api: ApiSettings {
                trusted_proxies: TrustedProxies::new(self.trusted_proxies.clone()),
                retry_after: self.retry_after,
                request_rate: self.limits.request_rate,
                max_requests: self.limits.requests(),
            },
        })
    }

    /// What the hasher may take.
    pub fn hash_limits(&self) -> HashLimits {
        let processors = || available_parallelism().map_or(1, usize::from);
        HashLimits {
            running: self.hash_permits.map_or_else(processors, usize::from),
            waiting: usize::from(self.hash_queue),
            remembered: self.hash_memory as usize,
            prefix_budget: PrefixBudget {
                a_minute: self.hash_prefix_per_minute,
                ..PrefixBudget::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessSettings, Cli, Command, Configuration, refusal};
    use clap::CommandFactory;

    fn serve(arguments: &[&str]) -> Result<Configuration, String> {
        let arguments = ["tenant-registry", "serve"].iter().chain(arguments);
        match Cli::read(arguments) {
            Ok(Cli {
                command: Command::Serve(configuration),
            }) => Ok(*configuration),
            Ok(Cli {
                command: Command::Migrate(_) | Command::Audit { .. } | Command::Openapi,
            }) => panic!("`serve` was asked for"),
            Err(error) => Err(refusal(&error).unwrap()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bad_value_is_refused_in_one_line_that_names_flag_and_variable() {
        let bad_values: &[(&[&str], &str)] = &[
            (&["--bind-address", "8090"], "--bind-address <BIND_ADDR>"),
            (&["--log-level", "loud"], "--log-level <LOG_LEVEL>"),
            (&["--log-format", "xml"], "[possible values: json, text]"),
            (&["--otel-exporter-otlp-endpoint", "127.0.0.1:4318"], "not a URL"),
            (&["--otel-exporter-otlp-endpoint", "grpc://x"], "http:// or https://"),
            (
                &["--otel-exporter-otlp-endpoint", "http://u:p@x"],
                "OTEL_EXPORTER_OTLP_HEADERS",
            ),
            (&["--otel-traces-sampler-arg", "2"], "not a number from 0 to 1"),
            (&["--body-limit", "10"], "--body-limit <BODY_LIMIT>"),
            (
                &["--trusted-proxies", "10.0.0.0/8,"],
                "neither an IP address nor a network",
            ),
            (
                &["--trusted-proxies", "proxy.example"],
                "neither an IP address nor a network",
            ),
            (&["--allowed-origins", "*"], "list the origins"),
            (
                &["--allowed-origins", "https://a.example,https://b.example/"],
                "browsers send this origin as `https://b.example`; write it so",
            ),
            (
                &["--oidc-issuer", "http://sso.example.com"],
                "--oidc-issuer <OIDC_ISSUER>': must begin with https://",
            ),
            (&["--oidc-leeway", "301"], "--oidc-leeway <OIDC_LEEWAY>"),
            (&["--oidc-roles", "support=tenants:read,operator"], "role=scope+scope"),
            (
                &["--oidc-roles", "support=tenants:delete"],
                "there is no scope `tenants:delete`; there are tenants:read, tenants:write,",
            ),
            (&["--shutdown-timeout", "0"], "--shutdown-timeout <SHUTDOWN_TIMEOUT>"),
            (&["--hash-permits", "0"], "--hash-permits <HASH_PERMITS>"),
            (&["--retry-after", "0"], "must be at least 1"),
            (&["--no-such-flag"], "--no-such-flag"),
        ];
        for (arguments, telling) in bad_values {
            let line = serve(arguments).unwrap_err();
            assert!(line.starts_with("error: ") && line.contains(telling), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let configuration = serve(&["--trusted-proxies", "10.0.0.0/8, 192.0.2.1,2001:db8::/32"]).unwrap();
        let networks: Vec<_> = configuration.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
    }

    #[test]
    fn without_an_issuer_nobody_beyond_this_machine_is_let_in_unless_that_is_asked_for() {
        let issuer = ["--oidc-issuer", "https://sso.example.com/realms/platform"];
        for beyond in ["0.0.0.0:8090", "[::]:8090", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
            let bind = ["--bind-address", beyond];
            let line = serve(&bind).unwrap_err();
            assert!(
                line.contains(beyond) && line.contains("OIDC_ISSUER") && line.contains("--insecure-no-auth"),
                "{line}"
            );
            let open = serve(&[&bind[..], &["--insecure-no-auth"]].concat()).unwrap();
            assert!(matches!(open.access(), Ok(AccessSettings::Anybody)));
            let closed = serve(&[&bind[..], &issuer].concat()).unwrap();
            assert!(matches!(closed.access(), Ok(AccessSettings::Realm(_))));
        }
        for loopback in ["127.0.0.1:0", "127.0.0.53:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
            assert!(serve(&["--bind-address", loopback]).is_ok(), "{loopback}");
        }
        let line = serve(&[&issuer[..], &["--insecure-no-auth"]].concat()).unwrap_err();
        assert!(line.contains("exclude each other"), "{line}");
    }

    #[test]
    fn debug_hides_secrets() {
        let database = ["--database-url", "postgres://u:secret@db/x"];
        let headers = ["--otel-exporter-otlp-headers", "authorization=secret"];
        let configuration = serve(&[database, headers].concat()).unwrap();
        assert!(!format!("{configuration:?}").contains("secret"));
    }
}
