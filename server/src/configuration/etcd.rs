//! The settings of the lock that Patroni's primary holds in etcd.

use super::DatabaseConfiguration;
use super::secret::{Secret, read_etcd_authorities, read_etcd_identity};
use crate::name::Name;
use crate::store::postgres::{EtcdAuthorities, EtcdIdentity, EtcdLogin, EtcdPrefix, EtcdSettings, EtcdUrl};
use clap::Args;
use thiserror::Error;

/// How the service finds out which database host is the primary.
#[derive(Args, Clone, Debug)]
pub struct EtcdConfiguration {
    /// URLs of the members of etcd (3.4 or later) that Patroni uses (`etcd3`), such as `https://etcd1:2379`, separated by
    /// commas. The service then asks etcd every second which host of DATABASE_URL is the primary, and uses only that host, and
    /// only until the lease of the primary ends (docs/install.md). DATABASE_URL must name all hosts as Patroni does
    /// (`connect_address`), not a proxy. If the URLs are wrong or etcd cannot be reached, all requests get 503. If not set, the
    /// service does not ask.
    #[arg(
        long,
        env = "DATABASE_ETCD_URLS",
        value_name = "DATABASE_ETCD_URLS",
        value_delimiter = ','
    )]
    pub database_etcd_urls: Vec<EtcdUrl>,

    /// Start of Patroni's keys in etcd: its `namespace` and `scope`. With another cluster's prefix or one without a cluster,
    /// all requests get 503.
    #[arg(
        long,
        env = "DATABASE_ETCD_PREFIX",
        value_name = "DATABASE_ETCD_PREFIX",
        default_value = "/service/tenant-registry/"
    )]
    pub database_etcd_prefix: EtcdPrefix,

    /// File with the certificates (PEM) of the authorities that sign those of etcd. If not set, the authorities of the
    /// operating system are trusted.
    #[arg(
        long,
        env = "DATABASE_ETCD_CA_FILE",
        value_name = "DATABASE_ETCD_CA_FILE",
        value_parser = read_etcd_authorities
    )]
    pub database_etcd_ca_file: Option<EtcdAuthorities>,

    /// File with the service's certificate and its private key (PEM), for an etcd that requires a certificate.
    #[arg(
        long,
        env = "DATABASE_ETCD_CERTIFICATE_FILE",
        value_name = "DATABASE_ETCD_CERTIFICATE_FILE",
        value_parser = read_etcd_identity
    )]
    pub database_etcd_certificate_file: Option<EtcdIdentity>,

    /// User for an etcd with authentication. A role that can read DATABASE_ETCD_PREFIX is enough. If it cannot, all requests
    /// get 503.
    #[arg(long, env = "DATABASE_ETCD_USER", value_name = "DATABASE_ETCD_USER")]
    pub database_etcd_user: Option<Name>,

    /// File with the password of DATABASE_ETCD_USER. A line break at the end is ignored.
    #[arg(
        long,
        env = "DATABASE_ETCD_PASSWORD_FILE",
        value_name = "DATABASE_ETCD_PASSWORD_FILE",
        value_parser = Secret::read_file
    )]
    pub database_etcd_password_file: Option<Secret>,
}

/// Why the settings of etcd contradict each other or others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EtcdConfigurationError {
    /// A setting has no effect.
    #[error("{0} has no effect without --database-etcd-urls <DATABASE_ETCD_URLS>: set it, or remove {0}")]
    Unused(&'static str),
    /// There is no database.
    #[error(
        "--database-etcd-urls <DATABASE_ETCD_URLS> has no effect without --database-url <DATABASE_URL>: set it, or remove \
         --database-etcd-urls"
    )]
    NoDatabase,
    /// A user without a password, or a password without a user.
    #[error(
        "--database-etcd-user <DATABASE_ETCD_USER> and --database-etcd-password-file <DATABASE_ETCD_PASSWORD_FILE> belong \
         together: set both or none"
    )]
    IncompleteLogin,
    /// Certificates are not used without TLS.
    #[error(
        "{0} has no effect on an http:// URL in --database-etcd-urls <DATABASE_ETCD_URLS>: use https:// for all URLs, or \
         remove {0}"
    )]
    NotEncrypted(&'static str),
}

/// Settings that have no effect without the URLs, as messages name them.
const CA_FILE: &str = "--database-etcd-ca-file <DATABASE_ETCD_CA_FILE>";
const CERTIFICATE_FILE: &str = "--database-etcd-certificate-file <DATABASE_ETCD_CERTIFICATE_FILE>";
const USER: &str = "--database-etcd-user <DATABASE_ETCD_USER>";
const PASSWORD_FILE: &str = "--database-etcd-password-file <DATABASE_ETCD_PASSWORD_FILE>";

impl EtcdConfiguration {
    /// Returns how etcd is asked about the primary of this database. `None` if it is not asked.
    ///
    /// # Errors
    /// If settings contradict each other.
    pub fn settings(&self, database: &DatabaseConfiguration) -> Result<Option<EtcdSettings>, EtcdConfigurationError> {
        let Self {
            database_etcd_urls: urls,
            database_etcd_prefix: prefix,
            database_etcd_ca_file: authorities,
            database_etcd_certificate_file: identity,
            database_etcd_user: user,
            database_etcd_password_file: password,
        } = self;
        let [member, other_members @ ..] = urls.as_slice() else {
            let unused = [
                (CA_FILE, authorities.is_some()),
                (CERTIFICATE_FILE, identity.is_some()),
                (USER, user.is_some()),
                (PASSWORD_FILE, password.is_some()),
            ];
            return match unused.into_iter().find(|(_, is_set)| *is_set) {
                Some((setting, _)) => Err(EtcdConfigurationError::Unused(setting)),
                None => Ok(None),
            };
        };
        if !database.is_set() {
            return Err(EtcdConfigurationError::NoDatabase);
        }
        if !urls.iter().all(EtcdUrl::is_https) {
            if authorities.is_some() {
                return Err(EtcdConfigurationError::NotEncrypted(CA_FILE));
            }
            if identity.is_some() {
                return Err(EtcdConfigurationError::NotEncrypted(CERTIFICATE_FILE));
            }
        }
        let login = match (user, password) {
            (Some(user), Some(password)) => Some(EtcdLogin {
                user: user.to_string(),
                password: password.expose().to_owned(),
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(EtcdConfigurationError::IncompleteLogin),
        };
        Ok(Some(EtcdSettings {
            member: member.clone(),
            other_members: other_members.to_vec(),
            prefix: prefix.clone(),
            authorities: authorities.clone(),
            identity: identity.clone(),
            login,
        }))
    }
}
