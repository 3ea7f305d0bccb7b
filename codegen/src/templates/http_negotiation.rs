//! Content coding and conditional requests (RFC 9110, sections 12 and 13).

use std::io;
use std::io::Write;

use blake2::{Blake2s256, Digest};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

/// The content coding of a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not encoded.
    Identity,
    /// Compressed by gzip.
    Gzip,
}

/// The coding to use for the caller: gzip if `Accept-Encoding` names it, or `*`, with a weight above 0 (RFC 9110, section
/// 12.5.3).
pub fn coding(request: &HeaderMap) -> Coding {
    let mut any = false;
    let codings = request.get_all(ACCEPT_ENCODING).iter();
    for coding in codings.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_wanted = weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        if name.eq_ignore_ascii_case("gzip") {
            return if is_wanted { Coding::Gzip } else { Coding::Identity };
        }
        any |= name == "*" && is_wanted;
    }
    if any { Coding::Gzip } else { Coding::Identity }
}

/// Compresses the bytes.
///
/// # Errors
///
/// Returns the errors of the encoder.
pub fn gzip(bytes: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A digest of a body, 32 hexadecimal digits: long enough that two versions of a body never share one.
pub fn digest(bytes: &[u8]) -> String {
    let digest = <Blake2s256 as Digest>::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The `ETag` of a body with this digest. A strong tag identifies the exact bytes sent (RFC 9110, section 8.8.3), so each
/// coding has a separate tag.
///
/// # Errors
///
/// Fails if the digest has characters that a header cannot hold.
pub fn entity_tag(digest: &str, coding: Coding) -> http::Result<HeaderValue> {
    let tag = match coding {
        Coding::Identity => format!("\"{digest}\""),
        Coding::Gzip => format!("\"{digest}-gzip\""),
    };
    Ok(HeaderValue::try_from(tag)?)
}

/// Whether `If-None-Match` contains the tag. Tags are compared weakly, by the quoted part, and `*` matches every tag (RFC
/// 9110, section 13.1.2). Splitting at commas breaks a foreign tag that contains one, but the parts never equal our tags.
pub fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    request.get_all(IF_NONE_MATCH).iter().map(HeaderValue::as_bytes).any(|known| {
        known.trim_ascii() == b"*"
            || known
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
    })
}
