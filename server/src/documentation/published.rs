//! A file that stays as it is while the process runs, over HTTP: compressed once, and sent again only where it changed.

use super::compressed;
use bytes::Bytes;
use dropshot::{Body, HttpError, NoCompression};
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use std::io;
use tenant_registry_contract::types::{Error, ErrorCode};

/// A file, and what HTTP says about it.
pub(super) struct Published {
    media_type: &'static str,
    content_security_policy: Option<&'static str>,
    plain: Representation,
    gzip: Representation,
}

/// The bytes that are sent, and their entity tag. A strong tag stands for the very bytes (RFC 9110, section 8.8.1), so
/// that each has its own.
struct Representation {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Representation {
    fn new(bytes: Bytes, tag: &str) -> io::Result<Self> {
        let etag = HeaderValue::from_str(&format!("\"{tag}\"")).map_err(io::Error::other)?;
        Ok(Self { bytes, etag })
    }
}

impl Published {
    /// A file of this media type. It is compressed here and now.
    pub(super) fn new(media_type: &'static str, bytes: Bytes) -> io::Result<Self> {
        let gzip = compressed::gzip(&bytes)?.into();
        let digest = compressed::digest(&bytes);
        Self::prepared(media_type, bytes, gzip, &digest)
    }

    /// A file with what was made of it before.
    pub(super) fn prepared(media_type: &'static str, bytes: Bytes, gzip: Bytes, digest: &str) -> io::Result<Self> {
        Ok(Self {
            media_type,
            content_security_policy: None,
            plain: Representation::new(bytes, digest)?,
            gzip: Representation::new(gzip, &format!("{digest}-gzip"))?,
        })
    }

    /// A page that may load nothing but what the policy admits.
    pub(super) fn with_content_security_policy(self, policy: &'static str) -> Self {
        Self {
            content_security_policy: Some(policy),
            ..self
        }
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Result<Response<Body>, HttpError> {
        let is_compressed = accepts_gzip(headers);
        let Representation { bytes, etag } = if is_compressed { &self.gzip } else { &self.plain };
        let mut response = Response::builder()
            .header(ETAG, etag)
            // Kept, but asked about each time: another version of the service may have another document.
            .header(CACHE_CONTROL, "no-cache")
            .header(VARY, "accept-encoding")
            .extension(NoCompression);
        if is_known(headers, etag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).body(Body::empty())?);
        }
        if is_compressed {
            response = response.header(CONTENT_ENCODING, "gzip");
        }
        if let Some(policy) = self.content_security_policy {
            response = response.header(CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response
            .header(CONTENT_TYPE, self.media_type)
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .body(Body::from(bytes.clone()))?)
    }
}

/// RFC 9110, section 12.5.3, as far as it is about gzip: named without the weight 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(ACCEPT_ENCODING).iter();
    codings
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            is_gzip && weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0))
        })
}

/// RFC 9110, section 13.1.2: compared weakly, which is by the quoted part.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim())
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == etag.as_bytes())
}

/// RFC 9110, section 15.5.6.
pub(super) fn method_not_allowed() -> Result<Response<Body>, HttpError> {
    const ALLOWED: &str = "GET, HEAD";
    let error = Error {
        error: ErrorCode::MethodNotAllowed,
        message: format!("this path answers {ALLOWED} alone"),
    };
    let body = serde_json::to_vec(&error).map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(Response::builder()
        .status(StatusCode::METHOD_NOT_ALLOWED)
        .header(ALLOW, ALLOWED)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body))?)
}

#[cfg(test)]
mod tests {
    use super::{accepts_gzip, is_known};
    use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_to_those_who_name_it() {
        for accepting in ["gzip", "deflate, GZIP;q=0.5, br", "gzip; q=1"] {
            assert!(accepts_gzip(&headers(ACCEPT_ENCODING, accepting)), "{accepting}");
        }
        for refusing in ["", "br", "gzip;q=0", "gzip; q=0.000", "gzip;q=x", "xgzip"] {
            assert!(!accepts_gzip(&headers(ACCEPT_ENCODING, refusing)), "{refusing}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_tag_is_known_in_a_list_and_also_as_a_weak_one() {
        let etag = HeaderValue::from_static("\"a\"");
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_known(&headers(IF_NONE_MATCH, known), &etag), "{known}");
        }
        for unknown in ["\"b\"", "a", ""] {
            assert!(!is_known(&headers(IF_NONE_MATCH, unknown), &etag), "{unknown}");
        }
    }
}
