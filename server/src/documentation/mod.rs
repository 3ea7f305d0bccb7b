//! Serves the OpenAPI document and the API reference. The reference loads nothing from other hosts.
//!
//! These paths are not operations of the API, and the document does not describe them.

mod page;
mod published;

use bytes::Bytes;
use dropshot::{Body, HttpError};
use http::{HeaderMap, Response};
use published::Published;
use std::collections::BTreeMap;
use std::io;
use tenant_registry_contract::http::Resources;
use tenant_registry_contract::{OPENAPI, OPENAPI_JSON};

/// The documents and the API reference, by path.
#[derive(Debug)]
pub struct Documentation(BTreeMap<&'static str, Published>);

impl Documentation {
    /// Compresses the documents.
    ///
    /// # Errors
    /// Fails if a document cannot be compressed.
    pub fn new() -> io::Result<Self> {
        let json = Published::new("application/json", Bytes::from_static(OPENAPI_JSON.as_bytes()))?;
        // RFC 9512, section 2.1.
        let yaml = Published::new("application/yaml", Bytes::from_static(OPENAPI.as_bytes()))?;
        let documents = [("/openapi.json", json), ("/openapi.yaml", yaml)];
        Ok(Self(documents.into_iter().chain(page::files()?).collect()))
    }
}

impl Resources for Documentation {
    fn get(&self, path: &str, request: &HeaderMap) -> Option<Result<Response<Body>, HttpError>> {
        self.0.get(path).map(|published| published.response(request))
    }
}
