//! In which form a caller takes a body, and whether it has that form already (RFC 9110, sections 12 and 13).

use std::io;
use std::io::Write;

use blake2::{Blake2s256, Digest};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

/// How a body is encoded on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// Compressed by gzip.
    Gzip,
}

/// The coding in which the caller takes a body: gzip, where it names that, or anything, without the weight 0 (RFC 9110,
/// section 12.5.3).
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

/// The bytes, compressed.
///
/// # Errors
///
/// Whatever writing into memory can fail with.
pub fn gzip(bytes: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// As many digits as tell the states of a body from each other.
pub fn digest(bytes: &[u8]) -> String {
    let digest = <Blake2s256 as Digest>::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The tag of a body with this digest. A strong tag stands for the very bytes that are sent (RFC 9110, section 8.8.3), so
/// that each coding has its own.
///
/// # Errors
///
/// Where the digest is none: no header holds every text.
pub fn entity_tag(digest: &str, coding: Coding) -> http::Result<HeaderValue> {
    let tag = match coding {
        Coding::Identity => format!("\"{digest}\""),
        Coding::Gzip => format!("\"{digest}-gzip\""),
    };
    Ok(HeaderValue::try_from(tag)?)
}

/// Does the caller have what the tag stands for? Tags are compared weakly, which is by the quoted part, and `*` stands
/// for whatever there is (RFC 9110, section 13.1.2). A tag with a comma in it falls apart, into parts that are none of
/// ours.
pub fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    request.get_all(IF_NONE_MATCH).iter().map(HeaderValue::as_bytes).any(|known| {
        known.trim_ascii() == b"*"
            || known
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
    })
}
