//! The API reference at `/docs`: Scalar, with all of its files served by this service.

use super::published::Published;
use bytes::Bytes;
use std::io;

/// The page may load from and call only its own host. Scalar writes style elements and embeds icons as data URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and its files, each with its path.
pub(super) fn files() -> io::Result<[(&'static str, Published); 4]> {
    let page = Bytes::from_static(include_bytes!("page.html"));
    let start = Bytes::from_static(include_bytes!("page.js"));
    let icon = Bytes::from_static(include_bytes!("icon.svg"));
    let scalar = Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/scalar.js.gz")));
    Ok([
        (
            "/docs",
            Published::new("text/html; charset=utf-8", page)?.with_content_security_policy(CONTENT_SECURITY_POLICY),
        ),
        ("/docs/start.js", Published::new(JAVASCRIPT, start)?),
        ("/docs/scalar.js", Published::compressed(JAVASCRIPT, scalar)),
        ("/docs/icon.svg", Published::new("image/svg+xml", icon)?),
    ])
}
