//! A service without an issuer, and pages in a browser that can reach it.

use crate::harness::cases::cases;
use crate::harness::raw_connection::{BytesResponse, request};
use crate::harness::{Settings, StoreUnderTest, TestServer};
use tenant_registry_client::types::ErrorCode;

cases![
    pages_of_other_origins_cannot_change_anything,
    the_services_own_page_and_programs_can,
    pages_of_an_allowed_origin_can,
    a_body_needs_a_content_type,
    names_of_other_machines_are_rejected,
];

const JSON: &str = "Content-Type: application/json\r\n";

/// Sends a change with these header lines.
async fn change(service: &TestServer, slug: &str, fields: &str) -> BytesResponse {
    let body = format!(r#"{{"slug": "{slug}", "name": "Page"}}"#);
    let fields = format!("{fields}Content-Length: {}\r\n", body.len());
    request(service.address, "POST /v1/tenants", fields, &body).await
}

async fn pages_of_other_origins_cannot_change_anything(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("blue-sky").await;
    for fields in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost:3000\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost:8090\r\n",
        "Origin: http://localhost:8090\r\nOrigin: https://evil.example\r\n",
    ] {
        let fields = format!("Host: localhost:8090\r\n{fields}");
        let response = change(&service, "evil-page", &format!("{fields}{JSON}")).await;
        let message = response.assert_error(403, ErrorCode::Forbidden);
        assert!(message.contains("ALLOWED_ORIGINS"), "{fields}: {message}");
        let line = format!("POST /v1/tenants/{}/cancel", tenant.id);
        let response = request(service.address, &line, format!("{fields}Content-Length: 0\r\n"), "").await;
        response.assert_error(403, ErrorCode::Forbidden);
    }
    assert_eq!(service.raw.get("/v1/tenants/by-slug/evil-page").await.status, 404);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
    // A link on such a page may lead to the service.
    let fields = "Host: localhost:8090\r\nSec-Fetch-Site: cross-site\r\n";
    let response = request(service.address, "GET /v1/catalog", fields, "").await;
    assert_eq!(response.status(), 200, "{response:?}");
}

async fn the_services_own_page_and_programs_can(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for (slug, fields) in [
        ("program", "Host: localhost:8090\r\n"),
        (
            "own-page",
            "Host: localhost:8090\r\nOrigin: http://localhost:8090\r\nSec-Fetch-Site: same-origin\r\n",
        ),
        ("by-address", "Host: [::1]:8090\r\nOrigin: http://[::1]:8090\r\n"),
        ("typed-in", "Host: localhost:8090\r\nSec-Fetch-Site: none\r\n"),
    ] {
        let response = change(&service, slug, &format!("{fields}{JSON}")).await;
        assert_eq!(response.status(), 201, "{slug}: {response:?}");
    }
}

async fn pages_of_an_allowed_origin_can(store: StoreUnderTest) {
    let settings = Settings {
        allowed_origins: &["https://console.example.com"],
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let fields = "Host: localhost\r\nOrigin: https://console.example.com\r\nSec-Fetch-Site: cross-site\r\n";
    let response = change(&service, "by-console", &format!("{fields}{JSON}")).await;
    assert_eq!(response.status(), 201, "{response:?}");
}

/// A page can send a body without a type to any origin without a preflight request.
async fn a_body_needs_a_content_type(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for fields in ["", "Content-Type: text/plain\r\n"] {
        let response = change(&service, "untyped", &format!("Host: localhost\r\n{fields}")).await;
        let message = response.assert_error(415, ErrorCode::UnsupportedMediaType);
        assert!(message.contains("application/json"), "{message}");
    }
}

/// A name that resolves to this machine makes its owner's pages the same origin (DNS rebinding).
async fn names_of_other_machines_are_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for host in [
        "rebind.example",
        "localhost.evil.example",
        "192.0.2.1",
        "[2001:db8::1]:8090",
        "registry",
    ] {
        let fields = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
        let response = change(&service, "rebound", &format!("{fields}{JSON}")).await;
        let message = response.assert_error(403, ErrorCode::Forbidden);
        assert!(message.contains("ALLOWED_HOSTS"), "{host}: {message}");
        let response = request(service.address, "GET /v1/catalog", fields, "").await;
        response.assert_error(403, ErrorCode::Forbidden);
    }
    for host in ["registry.test", "REGISTRY.test:8090", "a.localhost", "127.0.0.2"] {
        let response = request(service.address, "GET /v1/catalog", format!("Host: {host}\r\n"), "").await;
        assert_eq!(response.status(), 200, "{host}: {response:?}");
    }
}
