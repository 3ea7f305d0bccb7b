//! The API reference at `/docs`: Swagger UI, with all that it loads from this service itself.

use super::published::Published;
use bytes::Bytes;
use std::io;

/// What the build script has made: large, and not looked at before somebody asks for it.
macro_rules! unpacked {
    ($media_type:expr, $file:literal) => {
        Published::prepared(
            $media_type,
            Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $file))),
            Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".gz"))),
        )
    };
}

/// The page loads from, and calls, its own host alone. Swagger UI has its icons as data.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CSS: &str = "text/css; charset=utf-8";

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
            unpacked!(JAVASCRIPT, "swagger-ui-bundle.js"),
        ),
        ("/docs/swagger-ui.css", unpacked!(CSS, "swagger-ui.css")),
        ("/docs/index.css", unpacked!(CSS, "index.css")),
        ("/docs/favicon.png", unpacked!("image/png", "favicon-32x32.png")),
    ])
}
