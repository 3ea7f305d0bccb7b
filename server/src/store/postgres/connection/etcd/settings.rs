//! How etcd is reached: the URLs of its members, the start of Patroni's keys, certificates and a login.

use crate::error_chain::with_causes;
use reqwest::{Certificate, Client, Identity};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use url::Url;

/// How etcd is reached, and where Patroni keeps its keys there.
pub struct EtcdSettings {
    /// A member of etcd.
    pub member: EtcdUrl,
    /// The other members. They are asked when one does not respond.
    pub other_members: Vec<EtcdUrl>,
    /// The start of Patroni's keys.
    pub prefix: EtcdPrefix,
    /// The authorities that sign the certificates of etcd. `None` trusts those of the operating system.
    pub authorities: Option<EtcdAuthorities>,
    /// The service's certificate.
    pub identity: Option<EtcdIdentity>,
    /// The service's user.
    pub login: Option<EtcdLogin>,
}

/// The user of etcd and its password. Has no `Debug`, because the password is a secret.
pub struct EtcdLogin {
    /// The name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// The URL of a member of etcd: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdUrl(String);

/// Why a text is not the URL of a member of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EtcdUrlError {
    /// The text is not an http or https URL.
    #[error("not a URL such as https://etcd1:2379")]
    NotAUrl,
    /// The URL has more than scheme, host and port.
    #[error(
        "must be only a scheme, a host and a port, such as https://etcd1:2379; put a user and a password into \
         DATABASE_ETCD_USER and DATABASE_ETCD_PASSWORD_FILE"
    )]
    Extras,
}

impl FromStr for EtcdUrl {
    type Err = EtcdUrlError;

    fn from_str(text: &str) -> Result<Self, EtcdUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| EtcdUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EtcdUrlError::NotAUrl);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EtcdUrlError::Extras);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl EtcdUrl {
    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for EtcdUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The start of Patroni's keys: `/<namespace>/<scope>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdPrefix(String);

/// A text is not the start of Patroni's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "must be Patroni's `namespace` and `scope`, with a slash before, between and after them, such as \
     /service/tenant-registry/"
)]
pub struct EtcdPrefixError;

impl FromStr for EtcdPrefix {
    type Err = EtcdPrefixError;

    fn from_str(text: &str) -> Result<Self, EtcdPrefixError> {
        let parts: Vec<&str> = text.split('/').collect();
        let ["", parts @ .., ""] = &*parts else {
            return Err(EtcdPrefixError);
        };
        if parts.len() < 2 || parts.iter().any(|part| part.is_empty()) {
            return Err(EtcdPrefixError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EtcdPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why certificates for etcd cannot be used.
#[derive(Debug, Error)]
pub enum EtcdCertificateError {
    /// There is none.
    #[error("there is no certificate (PEM)")]
    Missing,
    /// A certificate or the private key is invalid.
    #[error("{}", with_causes(.0))]
    Invalid(#[from] reqwest::Error),
}

/// The authorities that sign the certificates of etcd.
#[derive(Clone, Debug)]
pub struct EtcdAuthorities(pub(super) Vec<Certificate>);

impl EtcdAuthorities {
    /// Reads certificates.
    ///
    /// # Errors
    /// If there is none, or if one is invalid.
    pub fn from_pem(pem: &str) -> Result<Self, EtcdCertificateError> {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes())?;
        if authorities.is_empty() {
            return Err(EtcdCertificateError::Missing);
        }
        Client::builder().tls_certs_only(authorities.clone()).build()?;
        Ok(Self(authorities))
    }
}

/// The service's certificate for etcd, with its private key.
#[derive(Clone, Debug)]
pub struct EtcdIdentity(pub(super) Identity);

impl EtcdIdentity {
    /// Reads a certificate, those of the authorities between it and the root, and the private key.
    ///
    /// # Errors
    /// If the certificate or the key is missing or invalid, or if they do not belong together.
    pub fn from_pem(pem: &str) -> Result<Self, EtcdCertificateError> {
        let identity = Identity::from_pem(pem.as_bytes())?;
        Client::builder()
            .tls_certs_only([])
            .identity(identity.clone())
            .build()?;
        Ok(Self(identity))
    }
}

#[cfg(test)]
mod tests {
    use super::{EtcdAuthorities, EtcdIdentity, EtcdPrefix, EtcdPrefixError, EtcdUrl, EtcdUrlError};
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn the_url_of_a_member_is_its_scheme_host_and_port() {
        for (given, url) in [
            ("http://etcd1:2379", "http://etcd1:2379"),
            (" https://ETCD1:2379/", "https://etcd1:2379"),
            ("https://[::1]:2379", "https://[::1]:2379"),
        ] {
            assert_eq!(given.parse::<EtcdUrl>().unwrap().to_string(), url);
        }
        for (bad, error) in [
            ("", EtcdUrlError::NotAUrl),
            ("etcd1:2379", EtcdUrlError::NotAUrl),
            ("unix:///run/etcd", EtcdUrlError::NotAUrl),
            ("http://root:secret@etcd1:2379", EtcdUrlError::Extras),
            ("http://etcd1:2379/v3", EtcdUrlError::Extras),
            ("http://etcd1:2379/?a=b", EtcdUrlError::Extras),
        ] {
            assert_eq!(bad.parse::<EtcdUrl>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn the_prefix_has_a_namespace_and_a_scope() {
        for good in ["/service/tenant-registry/", "/a/b/c/"] {
            assert_eq!(good.parse::<EtcdPrefix>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "/",
            "//",
            "/service/",
            "/service/x",
            "service/x/",
            "/service//",
            "//x/",
        ] {
            assert_eq!(bad.parse::<EtcdPrefix>(), Err(EtcdPrefixError), "{bad}");
        }
    }

    #[test]
    fn certificates_must_be_usable() {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().pem();
        let (key, other_key) = (key.serialize_pem(), KeyPair::generate().unwrap().serialize_pem());
        assert!(EtcdAuthorities::from_pem(&certificate).is_ok());
        assert!(EtcdIdentity::from_pem(&format!("{certificate}{key}")).is_ok());
        assert!(EtcdIdentity::from_pem(&format!("{key}{certificate}")).is_ok());
        for bad in ["", "no certificate", &key] {
            assert!(EtcdAuthorities::from_pem(bad).is_err(), "{bad}");
        }
        for bad in ["", &certificate, &key, &format!("{certificate}{other_key}")] {
            assert!(EtcdIdentity::from_pem(bad).is_err(), "{bad}");
        }
    }
}
