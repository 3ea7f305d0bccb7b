//! A file that stays as it is while the process runs, over HTTP: compressed once, and sent again only where it changed.

use bytes::Bytes;
use dropshot::{Body, HttpError};
use flate2::Compression;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use std::io;
use std::sync::OnceLock;
use tenant_registry_contract::http::{Coding, coding, digest, entity_tag, gzip, is_known};

/// A file, and what HTTP says about it.
pub(super) struct Published {
    media_type: &'static str,
    content_security_policy: Option<&'static str>,
    bytes: Bytes,
    compressed: Bytes,
    /// Of `bytes`, made when it is first asked for: some files are large, and nobody may ask.
    digest: OnceLock<String>,
}

impl Published {
    /// A file of this media type. It is compressed here and now.
    pub(super) fn new(media_type: &'static str, bytes: Bytes) -> io::Result<Self> {
        let compressed = gzip(&bytes, Compression::best())?.into();
        Ok(Self::prepared(media_type, bytes, compressed))
    }

    /// A file that was compressed before.
    pub(super) fn prepared(media_type: &'static str, bytes: Bytes, compressed: Bytes) -> Self {
        Self {
            media_type,
            content_security_policy: None,
            bytes,
            compressed,
            digest: OnceLock::new(),
        }
    }

    /// A page that may load nothing but what the policy admits.
    pub(super) fn with_content_security_policy(self, policy: &'static str) -> Self {
        Self {
            content_security_policy: Some(policy),
            ..self
        }
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(&self, request: &HeaderMap) -> Result<Response<Body>, HttpError> {
        let coding = coding(request);
        let etag = entity_tag(self.digest.get_or_init(|| digest(&self.bytes)), coding)?;
        let mut response = Response::builder()
            .header(ETAG, &etag)
            // Kept, but asked about each time: another version of the service may have another document.
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
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .body(Body::from(body.clone()))?)
    }
}
