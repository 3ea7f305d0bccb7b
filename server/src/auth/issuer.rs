//! Who signs the tokens: a realm's address, which is its name as well.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use url::{Host, Url};

/// Where discovery begins, below the issuer (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The issuer of a realm. Tokens have to name it to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// Why a text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IssuerError {
    /// Something else than an address.
    #[error("not an address such as https://sso.example.com/realms/platform")]
    NoAddress,
    /// Keys that anybody on the way may replace.
    #[error("must begin with https:// (http:// is for a realm on this machine alone)")]
    Plaintext,
    /// An issuer has neither (OpenID Connect Discovery 1.0, section 3), and a password has no business here.
    #[error("must have no user, no query and no fragment")]
    Extras,
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError::NoAddress)?;
        let Some(host) = url.host() else {
            return Err(IssuerError::NoAddress);
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(IssuerError::Plaintext),
            _ => return Err(IssuerError::NoAddress),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(IssuerError::Extras);
        }
        let text = text.to_owned();
        Ok(Self { text, url })
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl Issuer {
    /// The name, as tokens have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the realm describes itself.
    pub(super) fn discovery(&self) -> String {
        format!("{}{DISCOVERY}", self.text.trim_end_matches('/'))
    }

    /// May keys be fetched from there? Only https, and http where the issuer is.
    pub(super) fn trusts(&self, address: &Url) -> bool {
        address.scheme() == "https" || (self.is_plaintext() && address.scheme() == "http")
    }

    /// Is it on this machine, and without TLS?
    pub(super) fn is_plaintext(&self) -> bool {
        self.url.scheme() == "http"
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Issuer, IssuerError};

    #[test]
    fn issuers_have_https_but_on_this_machine() {
        for good in [
            "https://sso.example.com",
            "https://sso.example.com/realms/platform",
            "http://127.0.0.1:8080/realms/platform",
            "http://[::1]:8080",
            "http://localhost/",
        ] {
            let issuer: Issuer = good.parse().unwrap();
            assert_eq!(issuer.as_str(), good, "to the letter");
        }
        for (bad, error) in [
            ("", IssuerError::NoAddress),
            ("sso.example.com", IssuerError::NoAddress),
            ("file:///etc/passwd", IssuerError::NoAddress),
            ("http://sso.example.com", IssuerError::Plaintext),
            ("http://localhost.example.com", IssuerError::Plaintext),
            ("http://10.0.0.1/", IssuerError::Plaintext),
            ("https://user@sso.example.com", IssuerError::Extras),
            ("https://sso.example.com/?realm=platform", IssuerError::Extras),
            ("https://sso.example.com/#platform", IssuerError::Extras),
        ] {
            assert_eq!(bad.parse::<Issuer>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn discovery_is_below_the_issuer() {
        for issuer in ["https://a.example/realms/x", "https://a.example/realms/x/"] {
            let issuer: Issuer = issuer.parse().unwrap();
            assert_eq!(
                issuer.discovery(),
                "https://a.example/realms/x/.well-known/openid-configuration"
            );
        }
    }

    #[test]
    fn keys_come_by_plain_http_only_where_the_issuer_does() {
        let (far, near): (Issuer, Issuer) = (
            "https://a.example".parse().unwrap(),
            "http://127.0.0.1:1".parse().unwrap(),
        );
        let trusts = |issuer: &Issuer, address: &str| issuer.trusts(&address.parse().unwrap());
        assert!(trusts(&far, "https://keys.example/jwks"));
        assert!(!trusts(&far, "http://a.example/jwks"));
        assert!(!trusts(&far, "file:///etc/passwd"));
        assert!(trusts(&near, "http://127.0.0.1:1/jwks"));
        assert!(!trusts(&near, "file:///etc/passwd"));
    }
}
