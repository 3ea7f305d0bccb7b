//! The URL of an OpenID Connect issuer, which is also its name.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use url::{Host, Url};

/// The path of the discovery document below the issuer (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The URL of an issuer. The `iss` claim of its tokens must be exactly this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

/// Why a text is not the URL of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IssuerUrlError {
    /// The text is not an http or https URL.
    #[error("not a URL such as https://sso.example.com/realms/platform")]
    NotAUrl,
    /// Without TLS, an attacker in the network could replace the keys.
    #[error("must begin with https:// (http:// is allowed only for an issuer on this machine)")]
    Plaintext,
    /// The URL has a user, a query or a fragment (OpenID Connect Discovery 1.0, section 3).
    #[error("must not contain a user, a query or a fragment")]
    Extras,
}

impl FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let url = Url::parse(text).map_err(|_| IssuerUrlError::NotAUrl)?;
        let Some(host) = url.host() else {
            return Err(IssuerUrlError::NotAUrl);
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(IssuerUrlError::Plaintext),
            _ => return Err(IssuerUrlError::NotAUrl),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(IssuerUrlError::Extras);
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

impl IssuerUrl {
    /// The text, exactly as it appears in `iss`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of the discovery document.
    pub(super) fn discovery_url(&self) -> String {
        format!("{}{DISCOVERY}", self.text.trim_end_matches('/'))
    }

    /// Returns whether keys may be fetched from this URL: over https, or over http from this machine if the issuer is on this
    /// machine, too.
    pub(super) fn trusts(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.is_plaintext() && url.host().is_some_and(|host| is_loopback(&host)),
            _ => false,
        }
    }

    /// Returns whether the issuer is on this machine and uses no TLS.
    pub(super) fn is_plaintext(&self) -> bool {
        self.url.scheme() == "http"
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{IssuerUrl, IssuerUrlError};

    #[test]
    fn http_is_allowed_only_on_this_machine() {
        for good in [
            "https://sso.example.com",
            "https://sso.example.com/realms/platform",
            "http://127.0.0.1:8080/realms/platform",
            "http://[::1]:8080",
            "http://localhost/",
        ] {
            let issuer: IssuerUrl = good.parse().unwrap();
            assert_eq!(issuer.as_str(), good, "exactly as written");
        }
        for (bad, error) in [
            ("", IssuerUrlError::NotAUrl),
            ("sso.example.com", IssuerUrlError::NotAUrl),
            ("file:///etc/passwd", IssuerUrlError::NotAUrl),
            ("http://sso.example.com", IssuerUrlError::Plaintext),
            ("http://localhost.example.com", IssuerUrlError::Plaintext),
            ("http://10.0.0.1/", IssuerUrlError::Plaintext),
            ("https://user@sso.example.com", IssuerUrlError::Extras),
            ("https://sso.example.com/?realm=platform", IssuerUrlError::Extras),
            ("https://sso.example.com/#platform", IssuerUrlError::Extras),
        ] {
            assert_eq!(bad.parse::<IssuerUrl>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn the_discovery_document_is_below_the_issuer() {
        for issuer in ["https://a.example/realms/x", "https://a.example/realms/x/"] {
            let issuer: IssuerUrl = issuer.parse().unwrap();
            assert_eq!(
                issuer.discovery_url(),
                "https://a.example/realms/x/.well-known/openid-configuration"
            );
        }
    }

    #[test]
    fn keys_are_fetched_over_http_only_on_this_machine() {
        let (remote, local): (IssuerUrl, IssuerUrl) = (
            "https://a.example".parse().unwrap(),
            "http://127.0.0.1:1".parse().unwrap(),
        );
        let trusts = |issuer: &IssuerUrl, url: &str| issuer.trusts(&url.parse().unwrap());
        assert!(trusts(&remote, "https://keys.example/jwks"));
        assert!(!trusts(&remote, "http://a.example/jwks"));
        assert!(!trusts(&remote, "file:///etc/passwd"));
        assert!(trusts(&local, "http://127.0.0.1:1/jwks"));
        assert!(trusts(&local, "http://localhost:2/jwks"));
        assert!(trusts(&local, "https://keys.example/jwks"));
        for elsewhere in [
            "http://keys.example/jwks",
            "http://10.0.0.1/jwks",
            "http://127.0.0.1.example/jwks",
            "http://127.0.0.1:1@keys.example/jwks",
        ] {
            assert!(!trusts(&local, elsewhere), "{elsewhere}");
        }
        assert!(!trusts(&local, "file:///etc/passwd"));
    }
}
