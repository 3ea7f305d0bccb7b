//! CORS: which pages of other origins can read responses (Fetch standard).

use crate::harness::cases::cases;
use crate::harness::openapi::{Operation, SPEC};
use crate::harness::steps::unknown_id;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use std::collections::BTreeSet;
use tenant_registry_client::types::{ErrorCode, TenantId};

cases![
    without_allowed_origins_no_response_has_cors_headers,
    pages_of_an_allowed_origin_can_read_every_response,
    pages_of_other_origins_can_read_no_response,
    preflight_responses_list_methods_and_headers,
    other_options_requests_are_rejected,
];

const ALLOWED: [&str; 2] = ["https://console.example.com", "http://localhost:3000"];

/// The headers of the spec that a page can read only if they are exposed.
const EXPOSED: &str = "etag, idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, www-authenticate, x-request-id";

const UNLISTED_ORIGINS: [&str; 6] = [
    "https://evil.example.com",
    "http://console.example.com",
    "https://console.example.com:8443",
    "https://console.example.com.evil.example",
    "https://Console.example.com",
    "null",
];

async fn start(store: StoreUnderTest) -> TestServer {
    let settings = Settings {
        allowed_origins: &ALLOWED,
        ..Settings::default()
    };
    TestServer::start_with(store, settings).await
}

async fn send(service: &TestServer, method: Method, path: &str, headers: &[(&str, &str)]) -> RawResponse {
    let request = service.raw.request(method, path);
    RawResponse::from_request(
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value)),
    )
    .await
}

fn has_no_cors_headers(response: &RawResponse) -> bool {
    let mut names = response.headers.keys();
    !names.any(|name| name.as_str().starts_with("access-control-"))
}

/// Each path of the spec with its methods.
fn paths() -> Vec<(String, BTreeSet<&'static str>)> {
    let id: TenantId = unknown_id();
    let paths: BTreeSet<_> = SPEC
        .operations
        .iter()
        .map(|operation| operation.path.as_str())
        .collect();
    let paths = paths.into_iter().map(|template| {
        let of_path = SPEC.operations.iter().filter(|operation| operation.path == template);
        let path = template.replace("{id}", &id.to_string()).replace("{slug}", "a-slug");
        (path, of_path.flat_map(Operation::methods).collect())
    });
    paths.collect()
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("access-control-request-method", "GET"),
    ("access-control-request-headers", "authorization"),
];

async fn without_allowed_origins_no_response_has_cors_headers(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let origin = ("origin", ALLOWED[0]);
    let response = send(&service, Method::GET, "/v1/catalog", &[origin]).await;
    assert_eq!(response.status, 200);
    assert!(
        has_no_cors_headers(&response) && !response.headers.contains_key("vary"),
        "{response:?}"
    );
    let preflight = send(
        &service,
        Method::OPTIONS,
        "/v1/catalog",
        &[origin, PREFLIGHT[0], PREFLIGHT[1]],
    )
    .await;
    preflight.assert_error(405, ErrorCode::MethodNotAllowed);
    assert_eq!(preflight.header("allow"), "GET, HEAD");
    assert!(has_no_cors_headers(&preflight), "{preflight:?}");
}

async fn pages_of_an_allowed_origin_can_read_every_response(store: StoreUnderTest) {
    let service = start(store).await;
    let requests = [
        (Method::GET, "/v1/catalog", 200),
        (Method::HEAD, "/v1/catalog", 200),
        (Method::GET, "/v1/tenants/by-slug/nobody", 404),
        (Method::GET, "/v1/audit?limit=none", 400),
        (Method::POST, "/v1/tenants", 400),
        (Method::DELETE, "/v1/catalog", 405),
        (Method::POST, "/v1/tenants/by-slug/nobody", 405),
        (Method::GET, "/v1/tenants/one/two", 404),
        (Method::GET, "/nothing", 404),
        (Method::GET, "/v1/tenants/%ff", 400),
    ];
    for origin in ALLOWED {
        for (method, path, status) in requests.clone() {
            let response = send(&service, method, path, &[("origin", origin)]).await;
            assert_eq!(response.status, status, "{path}");
            assert_eq!(response.header("access-control-allow-origin"), origin, "{path}");
            assert_eq!(response.header("vary"), "origin", "{path}");
            let exposed = response.header("access-control-expose-headers");
            assert_eq!(exposed, EXPOSED, "{path}");
            assert!(
                !response.headers.contains_key("access-control-allow-credentials"),
                "{path}"
            );
        }
        let etag = service.raw.get("/v1/catalog").await.header("etag").to_owned();
        let known = [("origin", origin), ("if-none-match", &etag)];
        let response = send(&service, Method::GET, "/v1/catalog", &known).await;
        assert_eq!(
            (response.status, response.header("access-control-allow-origin")),
            (304, origin)
        );
    }
}

async fn pages_of_other_origins_can_read_no_response(store: StoreUnderTest) {
    let service = start(store).await;
    for origin in UNLISTED_ORIGINS {
        let response = send(&service, Method::GET, "/v1/catalog", &[("origin", origin)]).await;
        assert_eq!(response.status, 200, "{origin}");
        assert!(has_no_cors_headers(&response), "{origin}: {response:?}");
        assert_eq!(response.header("vary"), "origin", "{origin}");
        let headers = [("origin", origin), PREFLIGHT[0], PREFLIGHT[1]];
        let preflight = send(&service, Method::OPTIONS, "/v1/catalog", &headers).await;
        preflight.assert_error(405, ErrorCode::MethodNotAllowed);
        assert!(has_no_cors_headers(&preflight), "{origin}: {preflight:?}");
    }
    // A cache must not use the response for another origin.
    assert_eq!(service.raw.get("/v1/catalog").await.header("vary"), "origin");
}

async fn preflight_responses_list_methods_and_headers(store: StoreUnderTest) {
    let service = start(store).await;
    for (path, methods) in paths() {
        for origin in ALLOWED {
            let headers = [("origin", origin), PREFLIGHT[0], PREFLIGHT[1]];
            let response = send(&service, Method::OPTIONS, &path, &headers).await;
            assert_eq!((response.status, response.text.as_str()), (204, ""), "{path}");
            assert_eq!(response.header("access-control-allow-origin"), origin, "{path}");
            let listed: BTreeSet<_> = response.header("access-control-allow-methods").split(", ").collect();
            assert_eq!(listed, methods, "{path}");
            let accepted = response.header("access-control-allow-headers");
            assert_eq!(
                accepted,
                "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, tracestate",
                "{path}"
            );
            assert_eq!(response.header("access-control-max-age"), "86400", "{path}");
            assert_eq!(response.header("vary"), "origin", "{path}");
            assert!(
                !response.headers.contains_key("access-control-allow-credentials"),
                "{path}"
            );
        }
    }
}

async fn other_options_requests_are_rejected(store: StoreUnderTest) {
    let service = start(store).await;
    for headers in [&[("origin", ALLOWED[0])][..], &PREFLIGHT] {
        let response = send(&service, Method::OPTIONS, "/v1/tenants", headers).await;
        response.assert_error(405, ErrorCode::MethodNotAllowed);
        assert_eq!(response.header("allow"), "GET, HEAD, POST");
    }
    let headers = [("origin", ALLOWED[0]), PREFLIGHT[0]];
    let response = send(&service, Method::PUT, "/v1/tenants", &headers).await;
    response.assert_error(405, ErrorCode::MethodNotAllowed);
}
