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
