//! Fetches an issuer's keys: first the discovery document (OpenID Connect Discovery 1.0, section 4), then the keys.

use super::issuer_url::IssuerUrl;
use super::keys::{KeySet, KeySetError};
use crate::error_chain::with_causes;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

/// The time limit for both documents together. A caller with an unknown key may wait this long.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum size of a document. Keycloak's are smaller than 10 KiB.
const DOCUMENT_BYTES: usize = 256 * 1024;

/// Why the keys could not be fetched.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("no response within {FETCH_TIMEOUT:?}")]
    TimedOut,
    #[error("{}", with_causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("{url} responded with {status}")]
    Status { url: Url, status: StatusCode },
    #[error("the response of {url} is longer than {DOCUMENT_BYTES} bytes")]
    TooLong { url: Url },
    #[error("the response of {url} cannot be read: {error}")]
    Malformed { url: Url, error: serde_json::Error },
    #[error("{url} {error}")]
    Keys { url: Url, error: KeySetError },
    #[error("the discovery document names another issuer: {0:?}")]
    WrongIssuer(String),
    #[error("the discovery document has a `jwks_uri` that is not trusted: {0:?}")]
    UntrustedKeysUrl(String),
}

/// The members of the discovery document that are used.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the keys of one issuer.
pub(super) struct Fetcher {
    http: Client,
    issuer: IssuerUrl,
}

impl Fetcher {
    pub(super) fn new(issuer: IssuerUrl) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .user_agent(concat!("tenant-registry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect could lead to a host that is not trusted.
            .redirect(Policy::none());
        let http = if issuer.is_plaintext() {
            // The issuer is on this machine, so requests do not go through a proxy.
            http.no_proxy()
        } else {
            http.https_only(true)
        };
        let http = http.build()?;
        Ok(Self { http, issuer })
    }

    /// Fetches the current keys.
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        timeout(FETCH_TIMEOUT, self.fetch_both())
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    async fn fetch_both(&self) -> Result<KeySet, FetchError> {
        let (url, document) = self.document(&self.issuer.discovery_url()).await?;
        let Discovery { issuer, jwks_uri } =
            serde_json::from_slice(&document).map_err(|error| FetchError::Malformed { url, error })?;
        if issuer != self.issuer.as_str() {
            return Err(FetchError::WrongIssuer(issuer));
        }
        match Url::parse(&jwks_uri) {
            Ok(url) if self.issuer.trusts(&url) => {}
            Ok(_) | Err(_) => return Err(FetchError::UntrustedKeysUrl(jwks_uri)),
        }
        let (url, document) = self.document(&jwks_uri).await?;
        KeySet::read(&document).map_err(|error| FetchError::Keys { url, error })
    }

    async fn document(&self, url: &str) -> Result<(Url, Vec<u8>), FetchError> {
        let mut response = self.http.get(url).send().await?;
        let (url, status) = (response.url().clone(), response.status());
        if status != StatusCode::OK {
            return Err(FetchError::Status { url, status });
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > DOCUMENT_BYTES {
                return Err(FetchError::TooLong { url });
            }
            document.extend_from_slice(&chunk);
        }
        Ok((url, document))
    }
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENT_BYTES, FetchError, Fetcher};
    use crate::auth::KeySet;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Fetches from a test issuer that returns these two responses. `{issuer}` in them is replaced by its URL.
    async fn fetch(discovery: &str, keys: &str) -> Result<KeySet, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/x", listener.local_addr().unwrap());
        let responses = [discovery, keys].map(|response| response.replace("{issuer}", &issuer));
        let server = tokio::spawn(async move {
            for response in responses {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = connection.read(&mut request).await.unwrap();
                // The client closes the connection once it has read enough.
                let _ = connection.write_all(response.as_bytes()).await;
            }
        });
        let fetched = Fetcher::new(issuer.parse().unwrap()).unwrap().fetch().await;
        server.abort();
        fetched
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")
    }

    fn discovery(issuer: &str, keys: &str) -> String {
        ok(&format!(r#"{{"issuer": "{issuer}", "jwks_uri": "{keys}"}}"#))
    }

    const KEYS: &str = r#"{"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"}
    ]}"#;

    #[tokio::test]
    async fn keys_are_fetched_from_the_address_in_the_discovery_document() {
        let good = discovery("{issuer}", "{issuer}/keys");
        assert_eq!(fetch(&good, &ok(KEYS)).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn untrusted_or_malformed_responses_are_errors() {
        let good = discovery("{issuer}", "{issuer}/keys");
        let moved = "HTTP/1.1 302 Found\r\nLocation: https://attacker.example\r\nConnection: close\r\n\r\n";
        let long = ok(&" ".repeat(DOCUMENT_BYTES + 1));
        let cases = [
            (&*discovery("{issuer}/", "{issuer}/keys"), &*ok(KEYS), "another issuer"),
            (&discovery("{issuer}", "file:///etc/passwd"), &ok(KEYS), "not trusted"),
            (&discovery("{issuer}", "keys"), &ok(KEYS), "not trusted"),
            (
                &discovery("{issuer}", "http://attacker.example/keys"),
                &ok(KEYS),
                "not trusted",
            ),
            (&ok("<html>"), &ok(KEYS), "cannot be read"),
            (&ok(r#"{"issuer": "{issuer}"}"#), &ok(KEYS), "cannot be read"),
            (&good, &ok("[]"), "cannot be read"),
            (&good, &ok(r#"{"keys": []}"#), "has no key that can verify tokens"),
            (moved, &ok(KEYS), "responded with 302"),
            (&good, moved, "responded with 302"),
            (&long, &ok(KEYS), "longer than"),
            (&good, &long, "longer than"),
        ];
        for (discovery, keys, expected) in cases {
            let error = fetch(discovery, keys).await.err().unwrap().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
