//! A static file over HTTP: compressed once, and sent only if the client does not have it.

use bytes::Bytes;
use dropshot::{Body, HttpError};
use flate2::Compression;
use flate2::read::GzDecoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, Response, StatusCode};
use std::io::{self, Read};
use std::sync::OnceLock;
use tenant_registry_contract::http::{Coding, coding, digest, entity_tag, gzip, is_known};

/// A file and its HTTP metadata.
#[derive(Debug)]
pub(super) struct Published {
    media_type: &'static str,
    content_security_policy: Option<&'static str>,
    compressed: Bytes,
    /// The file for clients that do not accept gzip. It is decompressed on first use, because few need it.
    identity: OnceLock<Bytes>,
    /// The digest of `compressed`. It is computed on first use, because some files are large and may never be requested.
    digest: OnceLock<String>,
}

impl Published {
    /// Creates a file of this media type, and compresses it.
    pub(super) fn new(media_type: &'static str, bytes: Bytes) -> io::Result<Self> {
        let compressed = gzip(&bytes, Compression::best())?.into();
        Ok(Self {
            identity: OnceLock::from(bytes),
            ..Self::compressed(media_type, compressed)
        })
    }

    /// Creates a file that is already compressed with gzip.
    pub(super) fn compressed(media_type: &'static str, compressed: Bytes) -> Self {
        Self {
            media_type,
            content_security_policy: None,
            compressed,
            identity: OnceLock::new(),
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
        let etag = entity_tag(self.digest.get_or_init(|| digest(&self.compressed)), coding)?;
        let mut response = Response::builder()
            .header(ETAG, &etag)
            // Browsers must revalidate, because another version of the service may serve another document.
            .header(CACHE_CONTROL, "no-cache")
            .header(VARY, "accept-encoding");
        if is_known(request, &etag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).body(Body::empty())?);
        }
        let body = match coding {
            Coding::Identity => self.identity()?,
            Coding::Gzip => {
                response = response.header(CONTENT_ENCODING, "gzip");
                self.compressed.clone()
            }
        };
        if let Some(policy) = self.content_security_policy {
            response = response.header(CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response.header(CONTENT_TYPE, self.media_type).body(Body::from(body))?)
    }

    fn identity(&self) -> Result<Bytes, HttpError> {
        if let Some(bytes) = self.identity.get() {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.compressed)
            .read_to_end(&mut bytes)
            .map_err(|error| HttpError::for_internal_error(format!("cannot decompress a file: {error}")))?;
        Ok(self.identity.get_or_init(|| bytes.into()).clone())
    }
}
