//! The OpenAPI document and the API reference that the service serves.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::openapi::SPEC;
use crate::harness::process::ServiceProcess;
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::io::Read;
use tenant_registry_client::types::ErrorCode;

process_cases![
    serves_the_spec_that_the_code_is_generated_from,
    returns_304_if_the_tag_matches,
    the_compressed_document_has_the_same_content_and_another_tag,
    head_returns_the_headers_of_get,
    rejects_other_methods,
    pages_of_an_allowed_origin_can_read_the_documents,
    the_page_loads_only_from_its_own_host,
];

const SPEC_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.yaml");

const DOCUMENTS: [&str; 3] = ["/openapi.json", "/openapi.yaml", "/docs"];

async fn serve() -> ServiceProcess {
    ServiceProcess::serve(&|command| command).await
}

async fn serves_the_spec_that_the_code_is_generated_from() {
    let process = serve().await;
    let yaml = process.raw.get("/openapi.yaml").await;
    assert_eq!((yaml.status, yaml.header("content-type")), (200, "application/yaml"));
    assert_eq!(yaml.text, fs::read_to_string(SPEC_FILE).unwrap());
    let json = process.raw.get("/openapi.json").await;
    assert_eq!((json.status, json.header("content-type")), (200, "application/json"));
    assert_eq!(json.json::<Value>(), SPEC.document);
}

async fn returns_304_if_the_tag_matches() {
    let process = serve().await;
    for path in DOCUMENTS {
        let first = process.raw.get(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"'), "a strong tag: {etag}");
        let ask = |known: &str| {
            RawResponse::from_request(process.raw.request(Method::GET, path).header("if-none-match", known))
        };
        let again = ask(&etag).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), etag, "{path}");
        assert_eq!(ask("\"other\"").await.text, first.text, "{path}");
    }
}

async fn the_compressed_document_has_the_same_content_and_another_tag() {
    let process = serve().await;
    for path in DOCUMENTS {
        let plain = process.raw.get(path).await;
        let request = process.raw.request(Method::GET, path).header("accept-encoding", "gzip");
        let compressed = request.send().await.unwrap();
        assert_eq!(compressed.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(compressed.headers()["vary"], "accept-encoding", "{path}");
        assert_ne!(compressed.headers()["etag"], plain.header("etag"), "{path}");
        let bytes = compressed.bytes().await.unwrap();
        assert!(bytes.len() < plain.text.len(), "{path}");
        let mut text = String::new();
        GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text, "{path}");
    }
}

async fn head_returns_the_headers_of_get() {
    let process = serve().await;
    for path in DOCUMENTS {
        let get = process.raw.get(path).await;
        let head = RawResponse::from_request(process.raw.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        for name in ["content-length", "content-type", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path}");
        }
    }
}

async fn rejects_other_methods() {
    let process = serve().await;
    for path in DOCUMENTS {
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let response = RawResponse::from_request(process.raw.request(method, path)).await;
            response.assert_error(405, ErrorCode::MethodNotAllowed);
            assert_eq!(response.header("allow"), "GET, HEAD", "{path}");
        }
    }
}

async fn pages_of_an_allowed_origin_can_read_the_documents() {
    let origin = "https://console.example.com";
    let process = ServiceProcess::serve(&|command| command.env("ALLOWED_ORIGINS", origin)).await;
    for path in DOCUMENTS {
        let response = RawResponse::from_request(process.raw.request(Method::GET, path).header("origin", origin)).await;
        assert_eq!(response.header("access-control-allow-origin"), origin, "{path}");
        let vary: Vec<_> = response.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept-encoding", "origin"], "{path}");
        let preflight = process.raw.request(Method::OPTIONS, path).header("origin", origin);
        let response = RawResponse::from_request(preflight.header("access-control-request-method", "GET")).await;
        assert_eq!(
            (response.status, response.header("access-control-allow-methods")),
            (204, "GET, HEAD"),
            "{path}"
        );
    }
}

async fn the_page_loads_only_from_its_own_host() {
    let process = serve().await;
    let page = process.raw.get("/docs").await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let references = [" src=\"", " href=\""].map(|attribute| page.text.split(attribute).skip(1));
    let mut parts = 0;
    for reference in references.into_iter().flatten() {
        let path = reference.split('"').next().unwrap();
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
        assert_eq!(
            process.raw.request(Method::GET, path).send().await.unwrap().status(),
            200,
            "{path}"
        );
        parts += 1;
    }
    assert_eq!(parts, 4, "{}", page.text);
}
