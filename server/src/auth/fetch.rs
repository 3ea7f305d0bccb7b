//! Asks a realm for its keys: first where they are (OpenID Connect Discovery 1.0, section 4), then for them.

use super::issuer::Issuer;
use super::keys::KeySet;
use crate::cause::cause;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

/// The most time for both documents together; a caller with an unknown key may wait for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest document that is read; Keycloak's have less than 10 KiB.
const DOCUMENT_BYTES: usize = 256 * 1024;

/// Why the keys were not fetched.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("no answer within {FETCH_TIMEOUT:?}")]
    TimedOut,
    #[error("{}", cause(.0))]
    Http(#[from] reqwest::Error),
    #[error("{address} answered {status}")]
    Status { address: Url, status: StatusCode },
    #[error("{address} answered with more than {DOCUMENT_BYTES} bytes")]
    TooLong { address: Url },
    #[error("what {address} answered cannot be read: {error}")]
    Unreadable { address: Url, error: serde_json::Error },
    #[error("discovery names another issuer: {0:?}")]
    OtherIssuer(String),
    #[error("discovery names an address for keys that is not trusted: {0:?}")]
    KeysAddress(String),
}

/// What discovery says, as far as it matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Asks one realm.
pub(super) struct Fetcher {
    http: Client,
    issuer: Issuer,
}

impl Fetcher {
    pub(super) fn new(issuer: Issuer) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .user_agent(concat!("tenant-registry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // Whoever answers says what it has to say; elsewhere may be anywhere.
            .redirect(Policy::none());
        let http = if issuer.is_plaintext() {
            // It is on this machine, where no proxy can reach it.
            http.no_proxy()
        } else {
            http.https_only(true)
        };
        let http = http.build()?;
        Ok(Self { http, issuer })
    }

    /// The keys as they are now.
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        timeout(FETCH_TIMEOUT, self.fetch_both())
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    async fn fetch_both(&self) -> Result<KeySet, FetchError> {
        let address = self.issuer.discovery();
        let (address, document) = self.document(&address).await?;
        let Discovery { issuer, jwks_uri } =
            serde_json::from_slice(&document).map_err(|error| FetchError::Unreadable { address, error })?;
        if issuer != self.issuer.as_str() {
            return Err(FetchError::OtherIssuer(issuer));
        }
        match Url::parse(&jwks_uri) {
            Ok(address) if self.issuer.trusts(&address) => {}
            Ok(_) | Err(_) => return Err(FetchError::KeysAddress(jwks_uri)),
        }
        let (address, document) = self.document(&jwks_uri).await?;
        KeySet::read(&document).map_err(|error| FetchError::Unreadable { address, error })
    }

    async fn document(&self, address: &str) -> Result<(Url, Vec<u8>), FetchError> {
        let mut answer = self.http.get(address).send().await?;
        let (address, status) = (answer.url().clone(), answer.status());
        if status != StatusCode::OK {
            return Err(FetchError::Status { address, status });
        }
        let mut document = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if document.len() + chunk.len() > DOCUMENT_BYTES {
                return Err(FetchError::TooLong { address });
            }
            document.extend_from_slice(&chunk);
        }
        Ok((address, document))
    }
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENT_BYTES, FetchError, Fetcher};
    use crate::auth::KeySet;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What is fetched from a realm that answers in this way; `{issuer}` stands for its address.
    async fn fetch(discovery: &str, keys: &str) -> Result<KeySet, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/x", listener.local_addr().unwrap());
        let answers = [discovery, keys].map(|answer| answer.replace("{issuer}", &issuer));
        let answering = tokio::spawn(async move {
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = connection.read(&mut request).await.unwrap();
                // Who has read enough goes away.
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        let fetched = Fetcher::new(issuer.parse().unwrap()).unwrap().fetch().await;
        answering.abort();
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
    async fn keys_are_where_discovery_says() {
        let good = discovery("{issuer}", "{issuer}/keys");
        assert_eq!(fetch(&good, &ok(KEYS)).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_not_as_it_should_be_gives_no_keys() {
        let good = discovery("{issuer}", "{issuer}/keys");
        let moved = "HTTP/1.1 302 Found\r\nLocation: https://attacker.example\r\nConnection: close\r\n\r\n";
        let long = ok(&" ".repeat(DOCUMENT_BYTES + 1));
        let cases = [
            (&*discovery("{issuer}/", "{issuer}/keys"), &*ok(KEYS), "another issuer"),
            (&discovery("{issuer}", "file:///etc/passwd"), &ok(KEYS), "not trusted"),
            (&discovery("{issuer}", "keys"), &ok(KEYS), "not trusted"),
            (&ok("<html>"), &ok(KEYS), "cannot be read"),
            (&ok(r#"{"issuer": "{issuer}"}"#), &ok(KEYS), "cannot be read"),
            (&good, &ok("[]"), "cannot be read"),
            (moved, &ok(KEYS), "answered 302"),
            (&good, moved, "answered 302"),
            (&long, &ok(KEYS), "more than"),
            (&good, &long, "more than"),
        ];
        for (discovery, keys, telling) in cases {
            let error = fetch(discovery, keys).await.err().unwrap().to_string();
            assert!(error.contains(telling), "{telling}: {error}");
        }
    }
}
