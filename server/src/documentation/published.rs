//! A static file over HTTP: compressed once, and sent only if the client does not have it.

use bytes::Bytes;
use dropshot::{Body, HttpError};
use flate2::Compression;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, Response, StatusCode};
use std::io;
use std::sync::OnceLock;
use tenant_registry_contract::http::{Coding, coding, digest, entity_tag, gzip, is_known};

/// A file and its HTTP metadata.
#[derive(Debug)]
pub(super) struct Published {
    media_type: &'static str,
    content_security_policy: Option<&'static str>,
    bytes: Bytes,
    compressed: Bytes,
    /// The digest of `bytes`. It is computed on first use, because some files are large and may never be requested.
    digest: OnceLock<String>,
}

impl Published {
    /// Creates a file of this media type, and compresses it.
    pub(super) fn new(media_type: &'static str, bytes: Bytes) -> io::Result<Self> {
        let compressed = gzip(&bytes, Compression::best())?.into();
        Ok(Self::prepared(media_type, bytes, compressed))
    }

    /// Creates a file that is already compressed.
    pub(super) fn prepared(media_type: &'static str, bytes: Bytes, compressed: Bytes) -> Self {
        Self {
            media_type,
            content_security_policy: None,
            bytes,
            compressed,
            digest: OnceLock::new(),
        }
    }

    /// Adds a content security policy, for a page.
    pub(super) fn with_content_security_policy(self, policy: &'static str) -> Self {
        Self {
            content_security_policy: Some(policy),
            ..self
        }
    }

    /// Returns the response to a request with these headers.
    pub(super) fn response(&self, request: &HeaderMap) -> Result<Response<Body>, HttpError> {
        let coding = coding(request);
        let etag = entity_tag(self.digest.get_or_init(|| digest(&self.bytes)), coding)?;
        let mut response = Response::builder()
            .header(ETAG, &etag)
            // Browsers must revalidate, because another version of the service may serve another document.
            .header(CACHE_CONTROL, "no-cache")
            .header(VARY, "accept-encoding");
        if is_known(request, &etag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).body(Body::empty())?);
        }
        let body = match coding {
            Coding::Identity => &self.bytes,
            Coding::Gzip => {
                response = response.header(CONTENT_ENCODING, "gzip");
                &self.compressed
            }
        };
        if let Some(policy) = self.content_security_policy {
            response = response.header(CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response
            .header(CONTENT_TYPE, self.media_type)
            .body(Body::from(body.clone()))?)
    }
}
