//! The API reference at `/docs`: Swagger UI, with all that it loads from this service itself.

use super::published::Published;
use bytes::Bytes;
use std::io;

macro_rules! unpacked {
    ($file:literal) => {
        Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $file)))
    };
}

/// The page loads from, and calls, its own host alone. Swagger UI has its icons as data.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and its parts, each with its path.
pub(super) fn files() -> io::Result<[(&'static str, Published); 6]> {
    let page = Bytes::from_static(include_bytes!("page.html"));
    let start = Bytes::from_static(include_bytes!("page.js"));
    Ok([
        (
            "/docs",
            Published::new("text/html; charset=utf-8", page)?.with_content_security_policy(CONTENT_SECURITY_POLICY),
        ),
        ("/docs/start.js", Published::new(JAVASCRIPT, start)?),
        (
            "/docs/swagger-ui-bundle.js",
            Published::new(JAVASCRIPT, unpacked!("swagger-ui-bundle.js"))?,
        ),
        (
            "/docs/swagger-ui.css",
            Published::new("text/css; charset=utf-8", unpacked!("swagger-ui.css"))?,
        ),
        (
            "/docs/index.css",
            Published::new("text/css; charset=utf-8", unpacked!("index.css"))?,
        ),
        (
            "/docs/favicon.png",
            Published::new("image/png", unpacked!("favicon-32x32.png"))?,
        ),
    ])
}
