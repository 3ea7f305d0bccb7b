//! Pages of other origins: what browsers are told about them (Fetch standard, CORS protocol).

use crate::harness::cases::cases;
use crate::harness::openapi::{Operation, SPEC};
use crate::harness::steps::unknown_id;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use std::collections::BTreeSet;
use tenant_registry_client::types::{ErrorCode, TenantId};

cases![
    without_a_setting_no_answer_speaks_of_origins,
    pages_of_an_allowed_origin_may_read_every_answer,
    pages_of_other_origins_may_read_none,
    browsers_are_told_what_a_page_may_send,
    whoever_asks_otherwise_is_refused_as_ever,
];

const ALLOWED: [&str; 2] = ["https://console.example.com", "http://localhost:3000"];

/// What the spec's answers carry besides what every page may read.
const EXPOSED: &str =
    "etag, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, www-authenticate, x-request-id";

const STRANGERS: [&str; 6] = [
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

async fn asked(service: &TestServer, method: Method, path: &str, headers: &[(&str, &str)]) -> RawResponse {
    let request = service.raw.request(method, path);
    RawResponse::from_request(
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value)),
    )
    .await
}

fn says_nothing(answer: &RawResponse) -> bool {
    let mut names = answer.headers.keys();
    !names.any(|name| name.as_str().starts_with("access-control-"))
}

/// Each path of the spec, with the methods that it answers.
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
        (path, of_path.flat_map(Operation::answered_methods).collect())
    });
    paths.collect()
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("access-control-request-method", "GET"),
    ("access-control-request-headers", "authorization"),
];

async fn without_a_setting_no_answer_speaks_of_origins(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let origin = ("origin", ALLOWED[0]);
    let answer = asked(&service, Method::GET, "/v1/catalog", &[origin]).await;
    assert_eq!(answer.status, 200);
    assert!(
        says_nothing(&answer) && !answer.headers.contains_key("vary"),
        "{answer:?}"
    );
    let preflight = asked(
        &service,
        Method::OPTIONS,
        "/v1/catalog",
        &[origin, PREFLIGHT[0], PREFLIGHT[1]],
    )
    .await;
    preflight.assert_error(405, ErrorCode::MethodNotAllowed);
    assert_eq!(preflight.header("allow"), "GET, HEAD");
    assert!(says_nothing(&preflight), "{preflight:?}");
}

async fn pages_of_an_allowed_origin_may_read_every_answer(store: StoreUnderTest) {
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
    ];
    for origin in ALLOWED {
        for (method, path, status) in requests.clone() {
            let answer = asked(&service, method, path, &[("origin", origin)]).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
            assert_eq!(answer.header("vary"), "origin", "{path}");
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed, EXPOSED, "{path}");
            assert!(
                !answer.headers.contains_key("access-control-allow-credentials"),
                "{path}"
            );
        }
        let etag = service.raw.get("/v1/catalog").await.header("etag").to_owned();
        let known = [("origin", origin), ("if-none-match", &etag)];
        let answer = asked(&service, Method::GET, "/v1/catalog", &known).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (304, origin)
        );
    }
}

async fn pages_of_other_origins_may_read_none(store: StoreUnderTest) {
    let service = start(store).await;
    for origin in STRANGERS {
        let answer = asked(&service, Method::GET, "/v1/catalog", &[("origin", origin)]).await;
        assert_eq!(answer.status, 200, "{origin}");
        assert!(says_nothing(&answer), "{origin}: {answer:?}");
        assert_eq!(answer.header("vary"), "origin", "{origin}");
        let headers = [("origin", origin), PREFLIGHT[0], PREFLIGHT[1]];
        let preflight = asked(&service, Method::OPTIONS, "/v1/catalog", &headers).await;
        preflight.assert_error(405, ErrorCode::MethodNotAllowed);
        assert!(says_nothing(&preflight), "{origin}: {preflight:?}");
    }
    // A cache must not give the answer to a program to a page.
    assert_eq!(service.raw.get("/v1/catalog").await.header("vary"), "origin");
}

async fn browsers_are_told_what_a_page_may_send(store: StoreUnderTest) {
    let service = start(store).await;
    for (path, methods) in paths() {
        for origin in ALLOWED {
            let headers = [("origin", origin), PREFLIGHT[0], PREFLIGHT[1]];
            let answer = asked(&service, Method::OPTIONS, &path, &headers).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
            let told: BTreeSet<_> = answer.header("access-control-allow-methods").split(", ").collect();
            assert_eq!(told, methods, "{path}");
            let accepted = answer.header("access-control-allow-headers");
            assert_eq!(accepted, "authorization, content-type, if-none-match", "{path}");
            assert_eq!(answer.header("access-control-max-age"), "86400", "{path}");
            assert_eq!(answer.header("vary"), "origin", "{path}");
            assert!(
                !answer.headers.contains_key("access-control-allow-credentials"),
                "{path}"
            );
        }
    }
}

async fn whoever_asks_otherwise_is_refused_as_ever(store: StoreUnderTest) {
    let service = start(store).await;
    for headers in [&[("origin", ALLOWED[0])][..], &PREFLIGHT] {
        let answer = asked(&service, Method::OPTIONS, "/v1/tenants", headers).await;
        answer.assert_error(405, ErrorCode::MethodNotAllowed);
        assert_eq!(answer.header("allow"), "POST");
    }
    let headers = [("origin", ALLOWED[0]), PREFLIGHT[0]];
    let answer = asked(&service, Method::PUT, "/v1/tenants", &headers).await;
    answer.assert_error(405, ErrorCode::MethodNotAllowed);
}
