//! The `DATABASE_URL` setting, and `DATABASE_READ_URL`, which has the same form.

use crate::error_chain::with_causes;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// A parsed Postgres URL. It contains a password, so `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// The configuration of each host.
    hosts: Vec<Config>,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(***)")
    }
}

/// What the server's certificate has to prove. Follows libpq's `sslmode`
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrustLevel {
    /// Nothing (`disable`, `prefer` and `require`). An impostor is not detected.
    Unverified,
    /// That a trusted authority signed it (`verify-ca`).
    SignedServer,
    /// In addition, that it names the host in the URL (`verify-full`).
    NamedServer,
}

/// How the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) level: TrustLevel,
    /// A PEM file with the certificates of trusted authorities. `None` uses those of the operating system.
    pub(super) authorities: Option<PathBuf>,
}

/// Why a URL was rejected. The text contains no secret part of the URL.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// The scheme is missing or unsupported.
    #[error("must begin with `postgres://` or `postgresql://`")]
    Scheme,
    /// `sslmode` has a value that libpq does not define.
    #[error("`sslmode` must be one of `disable`, `prefer`, `require`, `verify-ca`, `verify-full`")]
    SslMode,
    /// The password, most likely, contains a character that ends it.
    #[error(
        "contains an unexpected `@`: write `@`, `/`, `?` and `&` in the user and the password as `%40`, `%2F`, `%3F` and `%26`"
    )]
    NotEncoded,
    /// A parameter is unknown or has an invalid value. It may be a part of the password, so the message has only its position.
    #[error("has an unknown or invalid parameter, number {0} after the `?`")]
    Parameter(usize),
    /// The URL cannot be parsed.
    #[error("is not a valid URL: {0}")]
    Invalid(String),
    /// The host is missing.
    #[error("names no host; add one after `//` or `@`")]
    NoHost,
    /// The URL of standbys leads only to a server that accepts changes.
    #[error("leads to the primary: remove `target_session_attrs=read-write`")]
    ReadWrite,
    /// The name of the database is missing.
    #[error("names no database; add `/<database>` after the host")]
    NoDatabase,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        if address.matches('@').count() > 1 || query.contains('@') {
            return Err(DatabaseUrlError::NotEncoded);
        }
        let mut config: Config = address
            .parse()
            .map_err(|error| DatabaseUrlError::Invalid(with_causes(&error)))?;
        let mut trust = Trust {
            level: TrustLevel::Unverified,
            authorities: None,
        };
        let mut ssl_mode = SslMode::Prefer;
        let mut others = Vec::new();
        for (index, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            // tokio-postgres supports neither `verify-ca`, `verify-full` nor `sslrootcert`.
            match &*name {
                "sslmode" => (ssl_mode, trust.level) = parse_ssl_mode(&value)?,
                "sslrootcert" => trust.authorities = (value != "system").then(|| PathBuf::from(&*value)),
                _ => {
                    let pair = form_urlencoded::Serializer::new(String::new())
                        .append_pair(&name, &value)
                        .finish();
                    // tokio-postgres does not decode `+` as a space.
                    others.push(pair.replace('+', "%20"));
                    config = format!("{address}?{}", others.join("&"))
                        .parse()
                        .map_err(|_| DatabaseUrlError::Parameter(index + 1))?;
                }
            }
        }
        config.ssl_mode(ssl_mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError::NoDatabase);
        }
        let hosts = each_host(address, &others.join("&"), ssl_mode);
        Ok(Self { config, trust, hosts })
    }
}

/// Returns a configuration for each host of a valid address.
fn each_host(address: &str, parameters: &str, ssl_mode: SslMode) -> Vec<Config> {
    // The scheme and the user, each with what follows it.
    let start = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let start = address.find('@').map_or(start, |user| user + "@".len());
    let (start, rest) = address.split_at(start);
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    hosts
        .split(',')
        .filter_map(|host| {
            let mut config: Config = format!("{start}{host}/{database}?{parameters}").parse().ok()?;
            config.ssl_mode(ssl_mode);
            Some(config)
        })
        .collect()
}

/// Where a Postgres server accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerAddress {
    /// A name in lower case, or an IP address.
    host: String,
    port: u16,
}

impl ServerAddress {
    /// The address of a configuration with exactly one host, to which connections are made over TCP.
    fn of(config: &Config) -> Option<Self> {
        let [Host::Tcp(host)] = config.get_hosts() else {
            return None;
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port: config.get_ports().first().copied().unwrap_or(5432),
        })
    }
}

impl FromStr for ServerAddress {
    type Err = DatabaseUrlError;

    /// Reads the address from a Postgres URL.
    fn from_str(url: &str) -> Result<Self, DatabaseUrlError> {
        let config: Config = url
            .parse()
            .map_err(|error| DatabaseUrlError::Invalid(with_causes(&error)))?;
        Self::of(&config).ok_or(DatabaseUrlError::NoHost)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

fn parse_ssl_mode(value: &str) -> Result<(SslMode, TrustLevel), DatabaseUrlError> {
    Ok(match value {
        "disable" => (SslMode::Disable, TrustLevel::Unverified),
        "prefer" => (SslMode::Prefer, TrustLevel::Unverified),
        "require" => (SslMode::Require, TrustLevel::Unverified),
        "verify-ca" => (SslMode::Require, TrustLevel::SignedServer),
        "verify-full" => (SslMode::Require, TrustLevel::NamedServer),
        _ => return Err(DatabaseUrlError::SslMode),
    })
}

impl DatabaseUrl {
    /// The number of hosts in the URL. They are tried in turn.
    pub(super) fn host_count(&self) -> u32 {
        let hosts = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        u32::try_from(hosts).unwrap_or(u32::MAX)
    }

    /// This URL, leading only to standbys. The hosts that are not are skipped.
    ///
    /// # Errors
    /// If the URL leads only to a server that accepts changes.
    pub fn for_standbys(mut self) -> Result<Self, DatabaseUrlError> {
        if self.config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite {
            return Err(DatabaseUrlError::ReadWrite);
        }
        self.config.target_session_attrs(TargetSessionAttrs::ReadOnly);
        Ok(self)
    }

    /// This URL with only the host at this address, and only while it accepts changes. `None` if the URL does not name the
    /// host.
    pub(super) fn for_primary(&self, address: &ServerAddress) -> Option<Self> {
        let is_there = |config: &&Config| ServerAddress::of(config).as_ref() == Some(address);
        let mut config = self.hosts.iter().find(is_there)?.clone();
        // A host holds the lock shortly before it accepts changes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Some(Self {
            hosts: vec![config.clone()],
            config,
            trust: self.trust.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, DatabaseUrlError, ServerAddress, TrustLevel};
    use std::path::PathBuf;
    use tokio_postgres::config::{SslMode, TargetSessionAttrs};

    fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.parse()
    }

    #[test]
    fn all_ssl_modes_of_libpq_are_supported() {
        let modes = [
            ("", SslMode::Prefer, TrustLevel::Unverified),
            ("?sslmode=disable", SslMode::Disable, TrustLevel::Unverified),
            ("?sslmode=prefer", SslMode::Prefer, TrustLevel::Unverified),
            ("?sslmode=require", SslMode::Require, TrustLevel::Unverified),
            ("?sslmode=verify-ca", SslMode::Require, TrustLevel::SignedServer),
            ("?sslmode=verify-full", SslMode::Require, TrustLevel::NamedServer),
        ];
        for (query, ssl_mode, level) in modes {
            let url = parse(&format!("postgres://db/registry{query}")).unwrap();
            assert_eq!(
                (url.config.get_ssl_mode(), url.trust.level),
                (ssl_mode, level),
                "{query}"
            );
        }
        let url = parse("postgres://db/registry?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(url.trust.authorities, Some(PathBuf::from("/etc/ca.pem")));
        let url = parse("postgres://db/registry?sslmode=verify-full&sslrootcert=system").unwrap();
        assert_eq!(url.trust.authorities, None);
    }

    #[test]
    fn other_parameters_are_kept() {
        let url = parse(
            "postgresql://u%40x:p%2Fw@a:1,b:2/registry?target_session_attrs=read-write&sslmode=require\
             &options=-c%20search_path%3Dregistry",
        )
        .unwrap();
        assert_eq!(url.host_count(), 2);
        assert_eq!(url.config.get_ports(), [1, 2]);
        assert_eq!(url.config.get_user(), Some("u@x"));
        assert_eq!(url.config.get_password(), Some(&b"p/w"[..]));
        assert_eq!(url.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(url.config.get_options(), Some("-c search_path=registry"));
    }

    #[test]
    fn connections_to_the_primary_differ_from_the_others_only_in_the_host() {
        let parameters = "sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&options=-c%20search_path%3Dregistry\
                          &application_name=a&connect_timeout=3&keepalives_retries=2";
        let several = parse(&format!("postgres://u%40x:p,w@ONE:1,[::1],two:3/registry?{parameters}")).unwrap();
        for (conn_url, host) in [
            ("postgres://one:1/postgres", "ONE:1"),
            ("postgres://[::1]:5432/postgres", "[::1]"),
            ("postgres://two:3/postgres", "two:3"),
        ] {
            let address: ServerAddress = conn_url.parse().unwrap();
            let one = parse(&format!(
                "postgres://u%40x:p,w@{host}/registry?{parameters}&target_session_attrs=read-write"
            ))
            .unwrap();
            let primary = several.for_primary(&address).unwrap();
            assert!(primary == one, "{address}");
            assert_eq!(primary.host_count(), 1);
        }
        for elsewhere in [
            "postgres://one:2/postgres",
            "postgres://one/postgres",
            "postgres://three:3/x",
        ] {
            let address: ServerAddress = elsewhere.parse().unwrap();
            assert!(several.for_primary(&address).is_none(), "{address}");
        }
        for nowhere in ["", "one:1", "postgres:///x", "postgres://a,b/x", "postgres://%2Frun/x"] {
            assert!(nowhere.parse::<ServerAddress>().is_err(), "{nowhere}");
        }
    }

    #[test]
    fn the_url_of_standbys_leads_to_servers_that_are_read_only() {
        for parameters in ["", "?target_session_attrs=any", "?target_session_attrs=read-only"] {
            let url = parse(&format!("postgres://one,two/registry{parameters}")).unwrap();
            let config = url.for_standbys().unwrap().config;
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadOnly);
        }
        let url = parse("postgres://one/registry?target_session_attrs=read-write").unwrap();
        assert_eq!(url.for_standbys(), Err(DatabaseUrlError::ReadWrite));
    }

    #[test]
    fn errors_do_not_show_the_password() {
        let invalid = [
            ("mysql://u:secret@db/x", "must begin with `postgres://`"),
            ("host=db user=u password=secret", "must begin with `postgres://`"),
            ("postgres://u:secret@db/x?sslmode=maybe", "`sslmode` must be one of"),
            (
                "postgres://u:secret@db/x?sslmode=disable&no_such=1",
                "parameter, number 2",
            ),
            ("postgres://u:x@db/x?connect_timeout=secret", "parameter, number 1"),
            ("postgres://db/x?user=u&password=a&secret", "parameter, number 3"),
            ("postgres://u:a?secret@db/x", "unexpected `@`"),
            ("postgres://u:a?b=secret@db/x", "unexpected `@`"),
            ("postgres://u:a@secret@db/x", "unexpected `@`"),
            ("postgres://u:a@secret", "names no database"),
            ("postgres://u%ff:secret@db/x", "is not a valid URL"),
            ("postgres://u:secret@db:port/x", "is not a valid URL"),
            ("postgres://u:secret@/x", "names no host"),
            ("postgres://u:secret@db", "names no database"),
        ];
        for (text, expected) in invalid {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
        assert_eq!(
            format!("{:?}", parse("postgres://u:secret@db/x").unwrap()),
            "DatabaseUrl(***)"
        );
    }
}
