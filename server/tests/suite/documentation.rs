//! The document and the reference that the service serves about itself.

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
    the_document_is_the_one_that_the_code_was_generated_from,
    what_a_client_has_is_not_sent_again,
    compressed_it_is_the_same_and_has_a_tag_of_its_own,
    head_tells_what_get_would,
    other_methods_are_refused,
    pages_of_an_allowed_origin_may_read_them,
    the_page_loads_from_its_own_host_alone,
];

const SPEC_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.yaml");

const DOCUMENTS: [&str; 3] = ["/openapi.json", "/openapi.yaml", "/docs"];

async fn serve() -> ServiceProcess {
    ServiceProcess::serve(&|command| command).await
}

async fn the_document_is_the_one_that_the_code_was_generated_from() {
    let process = serve().await;
    let yaml = process.raw.get("/openapi.yaml").await;
    assert_eq!((yaml.status, yaml.header("content-type")), (200, "application/yaml"));
    assert_eq!(yaml.text, fs::read_to_string(SPEC_FILE).unwrap());
    let json = process.raw.get("/openapi.json").await;
    assert_eq!((json.status, json.header("content-type")), (200, "application/json"));
    assert_eq!(json.json::<Value>(), SPEC.document);
}

async fn what_a_client_has_is_not_sent_again() {
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

async fn compressed_it_is_the_same_and_has_a_tag_of_its_own() {
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

async fn head_tells_what_get_would() {
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

async fn other_methods_are_refused() {
    let process = serve().await;
    for path in DOCUMENTS {
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let answer = RawResponse::from_request(process.raw.request(method, path)).await;
            answer.assert_error(405, ErrorCode::MethodNotAllowed);
            assert_eq!(answer.header("allow"), "GET, HEAD", "{path}");
        }
    }
}

async fn pages_of_an_allowed_origin_may_read_them() {
    let origin = "https://console.example.com";
    let process = ServiceProcess::serve(&|command| command.env("ALLOWED_ORIGINS", origin)).await;
    for path in DOCUMENTS {
        let answer = RawResponse::from_request(process.raw.request(Method::GET, path).header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept-encoding", "origin"], "{path}");
        let preflight = process.raw.request(Method::OPTIONS, path).header("origin", origin);
        let answer = RawResponse::from_request(preflight.header("access-control-request-method", "GET")).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-methods")),
            (204, "GET, HEAD"),
            "{path}"
        );
    }
}

async fn the_page_loads_from_its_own_host_alone() {
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
    assert_eq!(parts, 5, "{}", page.text);
}
