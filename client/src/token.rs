//! Access tokens, and where the client gets them from.

use std::error::Error as StdError;
use std::fmt;

use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::ConfigurationError;

/// An access token. `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken(HeaderValue);

impl AccessToken {
    /// Checks that the token can be sent.
    ///
    /// # Errors
    ///
    /// Returns an error if the token contains characters that are not allowed in a header.
    pub fn new(token: &str) -> Result<Self, ConfigurationError> {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ConfigurationError::BearerToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of the header `Authorization`.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(***)")
    }
}

/// Provides the access token for each request. Set it with
/// [`ClientBuilder::token_source`](crate::ClientBuilder::token_source).
///
/// The feature `oauth2` contains one for OAuth 2.0 client credentials.
pub trait TokenSource: Send + Sync {
    /// Returns a token that is valid now. The client calls this before each request and before each retry, so a source
    /// keeps its token and renews it shortly before it expires.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>>;
}

/// No access token is available. The request was not sent.
#[derive(Debug)]
pub struct TokenError {
    is_retryable: bool,
    source: Box<dyn StdError + Send + Sync>,
}

impl TokenError {
    /// The next attempt can succeed without any change: for example, the issuer of tokens is unreachable.
    pub fn temporary(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            is_retryable: true,
            source: source.into(),
        }
    }

    /// Something must change first: for example, the issuer of tokens rejected the credentials.
    pub fn permanent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            is_retryable: false,
            source: source.into(),
        }
    }

    /// Whether the next attempt can succeed without any change.
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl StdError for TokenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.source()
    }
}

/// Whether a secret can be sent to this URL: it is encrypted (`https`), or its host is this machine.
pub fn is_confidential(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether the host of the URL is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::{AccessToken, is_confidential};

    #[test]
    fn secrets_are_sent_over_https_or_to_this_machine() {
        let cases = [
            ("https://registry.example.com", true),
            ("http://127.0.0.1:8090", true),
            ("http://127.8.9.1", true),
            ("http://localhost:8090/path", true),
            ("http://[::1]:8090", true),
            ("http://registry.example.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
            ("http://[::ffff:10.0.0.1]", false),
            ("ftp://127.0.0.1", false),
        ];
        for (url, expected) in cases {
            assert_eq!(Url::parse(url).map(|url| is_confidential(&url)), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = AccessToken::new("secret");
        assert!(!format!("{token:?}").contains("secret"));
        assert!(AccessToken::new("two\nlines").is_err());
    }
}
