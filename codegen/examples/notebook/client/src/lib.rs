//! The client of the notebook: the generated code, and how its requests are sent.

// Formatted by the generator.
#[rustfmt::skip]
mod generated;
#[rustfmt::skip]
pub mod types;

use progenitor_client::ClientHooks;

pub use crate::generated::*;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] progenitor_client::Error<types::Error>);

impl Error {
    /// The status and the body of an error response.
    pub fn response(&self) -> Option<(u16, &types::Error)> {
        if let progenitor_client::Error::ErrorResponse(response) = &self.0 {
            Some((response.status().as_u16(), response))
        } else {
            None
        }
    }
}

/// How requests are sent: as they are. Tokens and retries would be here.
#[derive(Clone, Debug)]
pub struct Transport;

impl Transport {
    /// Nothing is necessary before a request. A client with tokens would get one here.
    async fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl ClientHooks<Transport> for Client {}

impl Client {
    /// A client of the notebook at this URL, such as `http://127.0.0.1:8091`.
    pub fn new(base_url: &str) -> Self {
        Self {
            baseurl: base_url.trim_end_matches('/').to_owned(),
            client: reqwest::Client::new(),
            inner: Transport,
        }
    }
}
