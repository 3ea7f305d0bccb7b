//! The API reference at `/docs`: Swagger UI, with all of its files served by this service.

use super::published::Published;
use bytes::Bytes;
use std::io;

/// Includes a file that the build script has unpacked and compressed.
macro_rules! unpacked {
    ($media_type:expr, $file:literal) => {
        Published::prepared(
            $media_type,
            Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $file))),
            Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".gz"))),
        )
    };
}

/// The page may load from and call only its own host. Swagger UI embeds its icons as data URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CSS: &str = "text/css; charset=utf-8";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and its files, each with its path.
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
            unpacked!(JAVASCRIPT, "swagger-ui-bundle.js"),
        ),
        ("/docs/swagger-ui.css", unpacked!(CSS, "swagger-ui.css")),
        ("/docs/index.css", unpacked!(CSS, "index.css")),
        ("/docs/favicon.png", unpacked!("image/png", "favicon-32x32.png")),
    ])
}
