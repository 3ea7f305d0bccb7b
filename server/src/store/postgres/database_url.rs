//! `DATABASE_URL`: where the database is, and how far it is trusted to be the one that is meant.

use crate::error_chain::with_causes;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// A Postgres URL, read. It holds a password: `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(***)")
    }
}

/// What the server's certificate has to prove, as libpq's `sslmode` has it
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrustLevel {
    /// `disable`, `prefer` and `require`: nothing. An eavesdropper learns nothing, an impostor is not noticed.
    Anyone,
    /// `verify-ca`: that it was signed by a trusted authority.
    SignedServer,
    /// `verify-full`: and that it names the host that was asked for.
    NamedServer,
}

/// Whose certificates are believed, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) level: TrustLevel,
    /// The file of the authorities' certificates (PEM); none for the operating system's.
    pub(super) authorities: Option<PathBuf>,
}

/// What is wrong with a URL. No variant carries a part of it that may be secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// Another scheme, or none.
    #[error("must begin with `postgres://` or `postgresql://`")]
    Scheme,
    /// A `sslmode` that libpq does not have either.
    #[error("`sslmode` must be one of `disable`, `prefer`, `require`, `verify-ca`, `verify-full`")]
    SslMode,
    /// The rest is wrong.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// There is nowhere to connect to.
    #[error("names no host")]
    NoHost,
    /// There is no database.
    #[error("names no database: it should end in `/<database>`")]
    NoDatabase,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let mut trust = Trust {
            level: TrustLevel::Anyone,
            authorities: None,
        };
        let mut ssl_mode = SslMode::Prefer;
        let mut others = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // tokio-postgres knows neither the two that verify, nor where the authorities are.
            match &*name {
                "sslmode" => (ssl_mode, trust.level) = read_ssl_mode(&value)?,
                "sslrootcert" => trust.authorities = (value != "system").then(|| PathBuf::from(&*value)),
                _ => {
                    others.append_pair(&name, &value);
                }
            }
        }
        // tokio-postgres takes `+` for itself.
        let others = others.finish().replace('+', "%20");
        let mut config: Config = format!("{address}?{others}")
            .parse()
            .map_err(|error| DatabaseUrlError::Unreadable(with_causes(&error)))?;
        config.ssl_mode(ssl_mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError::NoDatabase);
        }
        Ok(Self { config, trust })
    }
}

fn read_ssl_mode(value: &str) -> Result<(SslMode, TrustLevel), DatabaseUrlError> {
    Ok(match value {
        "disable" => (SslMode::Disable, TrustLevel::Anyone),
        "prefer" => (SslMode::Prefer, TrustLevel::Anyone),
        "require" => (SslMode::Require, TrustLevel::Anyone),
        "verify-ca" => (SslMode::Require, TrustLevel::SignedServer),
        "verify-full" => (SslMode::Require, TrustLevel::NamedServer),
        _ => return Err(DatabaseUrlError::SslMode),
    })
}

impl DatabaseUrl {
    /// How many hosts are tried in turn.
    pub(super) fn hosts(&self) -> u32 {
        let hosts = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        u32::try_from(hosts).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, DatabaseUrlError, TrustLevel};
    use std::path::PathBuf;
    use tokio_postgres::config::{SslMode, TargetSessionAttrs};

    fn read(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.parse()
    }

    #[test]
    fn ssl_modes_are_those_of_libpq() {
        let modes = [
            ("", SslMode::Prefer, TrustLevel::Anyone),
            ("?sslmode=disable", SslMode::Disable, TrustLevel::Anyone),
            ("?sslmode=prefer", SslMode::Prefer, TrustLevel::Anyone),
            ("?sslmode=require", SslMode::Require, TrustLevel::Anyone),
            ("?sslmode=verify-ca", SslMode::Require, TrustLevel::SignedServer),
            ("?sslmode=verify-full", SslMode::Require, TrustLevel::NamedServer),
        ];
        for (query, ssl_mode, level) in modes {
            let url = read(&format!("postgres://db/registry{query}")).unwrap();
            assert_eq!(
                (url.config.get_ssl_mode(), url.trust.level),
                (ssl_mode, level),
                "{query}"
            );
        }
        let url = read("postgres://db/registry?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(url.trust.authorities, Some(PathBuf::from("/etc/ca.pem")));
        let url = read("postgres://db/registry?sslmode=verify-full&sslrootcert=system").unwrap();
        assert_eq!(url.trust.authorities, None);
    }

    #[test]
    fn the_other_parameters_are_kept() {
        let url = read(
            "postgresql://u%40x:p%2Fw@a:1,b:2/registry?target_session_attrs=read-write&sslmode=require\
             &options=-c%20search_path%3Dregistry",
        )
        .unwrap();
        assert_eq!(url.hosts(), 2);
        assert_eq!(url.config.get_ports(), [1, 2]);
        assert_eq!(url.config.get_user(), Some("u@x"));
        assert_eq!(url.config.get_password(), Some(&b"p/w"[..]));
        assert_eq!(url.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(url.config.get_options(), Some("-c search_path=registry"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let wrong = [
            ("mysql://u:secret@db/x", "must begin with `postgres://`"),
            ("host=db user=u password=secret", "must begin with `postgres://`"),
            ("postgres://u:secret@db/x?sslmode=maybe", "`sslmode` must be one of"),
            ("postgres://u:secret@db/x?no_such=1", "no_such"),
            ("postgres://u:secret@db:port/x", "cannot be read"),
            ("postgres://u:secret@/x", "names no host"),
            ("postgres://u:secret@db", "names no database"),
        ];
        for (text, telling) in wrong {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(telling) && !error.contains("secret"), "{text}: {error}");
        }
        assert_eq!(
            format!("{:?}", read("postgres://u:secret@db/x").unwrap()),
            "DatabaseUrl(***)"
        );
    }
}
