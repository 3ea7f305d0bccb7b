//! Invalid parameters, paths and methods.

use crate::harness::cases::cases;
use crate::harness::openapi::{Operation, SPEC};
use crate::harness::steps::unknown_id;
use crate::harness::{RawResponse, StoreUnderTest, TestServer};
use reqwest::Method;
use std::collections::BTreeSet;
use tenant_registry_client::types::{ErrorCode, TenantId};

cases![
    an_id_in_the_path_must_be_a_uuid,
    names_a_missing_parameter,
    rejects_a_repeated_parameter,
    names_an_invalid_parameter_and_its_constraint,
    every_operation_rejects_an_unknown_parameter,
    names_the_parameter_that_was_probably_meant,
    accepts_every_encoding_of_a_parameter,
    rejects_other_methods_and_lists_the_allowed_ones,
    head_returns_the_headers_of_get,
    rejects_an_unknown_method,
    an_unknown_path_is_not_found,
    every_response_has_its_own_request_id,
];

async fn an_id_in_the_path_must_be_a_uuid(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let simple = id.to_string().replace('-', "");
    let braced = format!("%7B{id}%7D");
    let urn = format!("urn:uuid:{id}");
    for bad in [
        "x",
        "1",
        "%20",
        simple.as_str(),
        &braced,
        &urn,
        "0190b8a5-7b1c-7c3e-9d52-0242ac12000g",
        "%00",
    ] {
        let requests = [
            (Method::GET, format!("/v1/tenants/{bad}")),
            (Method::POST, format!("/v1/tenants/{bad}/activate")),
            (Method::POST, format!("/v1/tenants/{bad}/cancel")),
            (Method::PATCH, format!("/v1/projects/{bad}")),
            (Method::GET, format!("/v1/api-keys/{bad}")),
            (Method::DELETE, format!("/v1/api-keys/{bad}")),
            (Method::PATCH, format!("/v1/api-keys/{bad}")),
            (Method::POST, format!("/v1/api-keys/{bad}/rotate")),
        ];
        for (method, path) in requests {
            let response = RawResponse::from_request(service.raw.request(method, &path)).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(
                message.contains("`id`") && message.contains("UUID"),
                "{path}: {message}"
            );
        }
    }
}

async fn names_a_missing_parameter(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for path in [
        "/v1/entitlements",
        "/v1/api-keys",
        "/v1/projects",
        "/v1/entitlements?",
        "/v1/api-keys?&&",
    ] {
        let message = service.raw.get(path).await.assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.contains("`tenant_id`") && message.contains("missing"),
            "{path}: {message}"
        );
    }
    for path in ["/v1/entitlements?tenant_id", "/v1/entitlements?tenant_id="] {
        let message = service.raw.get(path).await.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("`tenant_id`"), "{path}: {message}");
    }
}

async fn rejects_a_repeated_parameter(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("queried").await;
    let doubled = [
        (
            "tenant_id",
            format!("/v1/entitlements?tenant_id={0}&tenant_id={0}", tenant.id),
        ),
        (
            "tenant_id",
            format!("/v1/api-keys?tenant_id={0}&%74enant_id={0}", tenant.id),
        ),
        ("limit", "/v1/audit?limit=1&limit=2".to_owned()),
        ("action", "/v1/audit?action=a&action=a".to_owned()),
        ("cursor", "/v1/audit?cursor=1&cursor=".to_owned()),
    ];
    for (name, path) in doubled {
        let message = service.raw.get(&path).await.assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.contains(&format!("`{name}`")) && message.contains("once"),
            "{path}: {message}"
        );
    }
}

async fn names_an_invalid_parameter_and_its_constraint(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let invalid = [
        (
            "/v1/tenants/by-slug/Acme",
            "`slug`",
            "^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$",
        ),
        ("/v1/audit?limit=0", "`limit`", "at least 1"),
        ("/v1/audit?limit=501", "`limit`", "at most 500"),
        ("/v1/audit?limit=many", "`limit`", "from 1 to 500"),
        ("/v1/audit?limit=%2B1", "`limit`", "from 1 to 500"),
        ("/v1/audit?limit=01", "`limit`", "from 1 to 500"),
        ("/v1/audit/+1", "`id`", "whole number"),
        ("/v1/audit/01", "`id`", "whole number"),
        ("/v1/audit?cursor=first", "`cursor`", "whole number"),
        ("/v1/audit?since=yesterday", "`since`", "2026-11-23T09:30:00Z"),
        ("/v1/audit?until=2026-11-23", "`until`", "2026-11-23T09:30:00Z"),
        (
            "/v1/audit?until=9999-12-31T23:59:59-00:01",
            "`until`",
            "2026-11-23T09:30:00Z",
        ),
        ("/v1/audit?tenant_id=acme", "`tenant_id`", "UUID"),
        ("/v1/audit?actor_id=%00", "`actor_id`", "pattern"),
    ];
    for (path, name, rule) in invalid {
        let message = service.raw.get(path).await.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains(name) && message.contains(rule), "{path}: {message}");
    }
}

async fn every_operation_rejects_an_unknown_parameter(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("queried").await;
    for operation in &SPEC.operations {
        let path = operation.path.replace("{id}", &tenant.id.to_string());
        let path = path.replace("{slug}", tenant.slug.as_str());
        for method in operation.methods() {
            for query in ["zzzzz=1", "zzzzz", "zzzzz=1&zzzzz=2", "zzzzz=%ff", "=zzzzz"] {
                let method: Method = method.parse().unwrap();
                let request = service.raw.request(method.clone(), &format!("{path}?{query}"));
                let response = RawResponse::from_request(request).await;
                assert_eq!(response.status, 400, "{method} {path}?{query}");
                if method != Method::HEAD {
                    let message = response.assert_error(400, ErrorCode::InvalidInput);
                    assert!(message.starts_with("unknown query parameter `"), "{message}");
                }
            }
        }
    }
}

async fn names_the_parameter_that_was_probably_meant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    for (path, expected) in [
        ("/v1/audit?tenantid=x", "`tenantid`; did you mean `tenant_id`?"),
        ("/v1/audit?Tenant_Id=x", "`Tenant_Id`; did you mean `tenant_id`?"),
        ("/v1/audit?limits=1&action=a", "`limits`; did you mean `limit`?"),
        ("/v1/audit?acton=a", "`acton`; did you mean `action`?"),
        ("/v1/api-keys?tenant=x", "`tenant`; did you mean `tenant_id`?"),
        ("/v1/entitlements?zzz=", "`zzz`; known are `tenant_id`"),
        (
            "/v1/audit?%E2%80%AE=",
            r"`\u{202e}`; known are `tenant_id`, `product`, `actor_id`, `action`, `since`, `until`, `limit`, `cursor`",
        ),
        (&format!("/v1/tenants/{id}?tenant_id=x"), "`tenant_id`; remove it"),
        ("/v1/catalog?limit=1", "`limit`; remove it"),
    ] {
        let message = service.raw.get(path).await.assert_error(400, ErrorCode::InvalidInput);
        assert_eq!(message, format!("unknown query parameter {expected}"), "{path}");
    }
}

async fn accepts_every_encoding_of_a_parameter(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("acme-encoded").await;
    assert_eq!(
        service.raw.get("/v1/tenants/by-slug/%61cme%2Dencoded").await.status,
        200
    );
    let append = serde_json::json!({ "action": "a b+c&ä/🦀" });
    service.raw.post_json("/v1/audit", &append).await;
    for query in ["action=a+b%2Bc%26%C3%A4%2F%F0%9F%A6%80", "action=a%20b%2bc%26ä/🦀"] {
        let response = service.raw.get(&format!("/v1/audit?{query}")).await;
        assert_eq!(
            response.json::<serde_json::Value>()["items"].as_array().unwrap().len(),
            1,
            "{query}"
        );
    }
    let offset = service
        .raw
        .get("/v1/audit?since=2026-11-23T10:30:00%2B01:00&limit=500")
        .await;
    assert!(offset.text.contains(&tenant.id.to_string()), "{offset:?}");
}

async fn rejects_other_methods_and_lists_the_allowed_ones(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let id: TenantId = unknown_id();
    let paths: BTreeSet<_> = SPEC
        .operations
        .iter()
        .map(|operation| operation.path.as_str())
        .collect();
    for template in paths {
        let of_path = SPEC.operations.iter().filter(|operation| operation.path == template);
        let expected: BTreeSet<_> = of_path.flat_map(Operation::methods).collect();
        let path = template.replace("{id}", &id.to_string()).replace("{slug}", "a-slug");
        for method in methods.iter().filter(|method| !expected.contains(method.as_str())) {
            let response = RawResponse::from_request(service.raw.request(method.clone(), &path)).await;
            assert_eq!(response.status, 405, "{method} {path}: {response:?}");
            let allowed: BTreeSet<_> = response.header("allow").split(", ").collect();
            assert_eq!(allowed, expected, "{method} {path}");
            if *method != Method::HEAD {
                response.assert_error(405, ErrorCode::MethodNotAllowed);
            }
        }
    }
}

async fn head_returns_the_headers_of_get(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("blue-sky").await;
    for path in [
        "/healthz".to_owned(),
        "/v1/catalog".to_owned(),
        format!("/v1/tenants/{}", tenant.id),
        format!("/v1/tenants/by-slug/{}", tenant.slug),
        "/v1/tenants/by-slug/nobody".to_owned(),
        "/v1/audit?limit=none".to_owned(),
    ] {
        let get = service.raw.get(&path).await;
        let head = RawResponse::from_request(service.raw.request(Method::HEAD, &path)).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{path}");
        }
    }
}

/// Methods are case-sensitive (RFC 9110, section 9.1).
async fn rejects_an_unknown_method(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("blue-sky").await;
    let key = service.api_key(tenant.id).await;
    let path = format!("/v1/api-keys/{}", key.api_key.id);
    for (method, path, allowed) in [
        ("TRACE", "/v1/tenants", "GET, HEAD, POST"),
        ("PURGE", "/v1/tenants", "GET, HEAD, POST"),
        ("pOsT", "/v1/tenants", "GET, HEAD, POST"),
        ("get", "/v1/catalog", "GET, HEAD"),
        ("dElEtE", path.as_str(), "GET, HEAD, PATCH, DELETE"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = RawResponse::from_request(service.raw.request(method, path)).await;
        response.assert_error(405, ErrorCode::MethodNotAllowed);
        assert_eq!(response.header("allow"), allowed, "{response:?}");
    }
    assert!(
        service.verify(key.plaintext.expose_secret()).await.valid,
        "the key is not revoked"
    );
}

async fn an_unknown_path_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let paths = [
        "/".to_owned(),
        "/v1".to_owned(),
        "/v2/tenants".to_owned(),
        "/V1/tenants".to_owned(),
        "/v1/nothing".to_owned(),
        "//v1//catalog".to_owned(),
        "/v1/catalog/".to_owned(),
        "/v1/tenants/".to_owned(),
        format!("/v1/tenants/{id}/"),
        "/v1%2Fcatalog".to_owned(),
        "/v1/tenants/by-slug/a-slug/activate".to_owned(),
        format!("/v1/tenants/{id}/suspend"),
        format!("/v1/tenants/{id}/activate/now"),
        format!("/v1/api-keys/{id}/verify"),
        "/healthz/live".to_owned(),
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let response = RawResponse::from_request(service.raw.request(method.clone(), &path)).await;
            response.assert_error(404, ErrorCode::NotFound);
        }
    }
}

async fn every_response_has_its_own_request_id(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut seen = BTreeSet::new();
    for path in [
        "/healthz",
        "/healthz",
        "/v1/tenants/x",
        "/nothing",
        "/v1/catalog",
        "/v1/audit",
    ] {
        let response = service.raw.get(path).await;
        assert!(seen.insert(response.header("x-request-id").to_owned()), "{path}");
    }
}
