//! The responses when the store fails: the declared 500 and 503, without the cause.

use crate::harness::cases::cases;
use crate::harness::openapi::SPEC;
use crate::harness::{Fault, RETRY_AFTER_SECONDS, RawResponse, SECRET_DETAIL, StoreUnderTest, TestServer};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::collections::BTreeSet;
use tenant_registry_client::types::{ErrorCode, Tenant};

cases![
    every_operation_returns_503_with_retry_after,
    every_operation_returns_500_without_the_cause,
    a_failed_change_changes_nothing,
];

/// A valid request of each operation that uses the store.
async fn requests(service: &TestServer, tenant: &Tenant) -> Vec<(&'static str, RequestBuilder)> {
    let id = tenant.id;
    let key = service.api_key(id).await.api_key.id;
    let slug = format!("p-{}", uuid::Uuid::now_v7().simple());
    let project = service.project(id, &slug).await.id;
    let get = |path: String| service.raw.request(Method::GET, &path);
    let post = |path: String, body| service.raw.request(Method::POST, &path).json(&body);
    let product = json!({ "tenant_id": id, "product": "insights" });
    vec![
        (
            "tenant_create",
            post("/v1/tenants".to_owned(), json!({ "slug": "another", "name": "n" })),
        ),
        ("tenant_list", get("/v1/tenants".to_owned())),
        ("tenant_get", get(format!("/v1/tenants/{id}"))),
        (
            "tenant_get_by_slug",
            get(format!("/v1/tenants/by-slug/{}", tenant.slug)),
        ),
        (
            "tenant_update",
            service
                .raw
                .request(Method::PATCH, &format!("/v1/tenants/{id}"))
                .json(&json!({ "name": "m" })),
        ),
        (
            "tenant_delete",
            service.raw.request(Method::DELETE, &format!("/v1/tenants/{id}")),
        ),
        ("tenant_activate", post(format!("/v1/tenants/{id}/activate"), json!({}))),
        ("tenant_cancel", post(format!("/v1/tenants/{id}/cancel"), json!({}))),
        ("tenant_archive", post(format!("/v1/tenants/{id}/archive"), json!({}))),
        (
            "project_create",
            post(
                "/v1/projects".to_owned(),
                json!({ "tenant_id": id, "slug": "another", "name": "n" }),
            ),
        ),
        ("project_list", get(format!("/v1/projects?tenant_id={id}"))),
        ("project_get", get(format!("/v1/projects/{project}"))),
        (
            "project_update",
            service
                .raw
                .request(Method::PATCH, &format!("/v1/projects/{project}"))
                .json(&json!({ "name": "m" })),
        ),
        (
            "project_delete",
            service.raw.request(Method::DELETE, &format!("/v1/projects/{project}")),
        ),
        ("entitlement_list", get(format!("/v1/entitlements?tenant_id={id}"))),
        ("entitlement_get", get(format!("/v1/entitlements/{id}/insights"))),
        (
            "entitlement_set",
            service
                .raw
                .request(Method::PUT, &format!("/v1/entitlements/{id}/insights"))
                .json(&json!({})),
        ),
        (
            "entitlement_revoke",
            service
                .raw
                .request(Method::DELETE, &format!("/v1/entitlements/{id}/insights")),
        ),
        (
            "entitlement_check",
            get(format!(
                "/v1/internal/entitlements/check?tenant_id={id}&product=insights"
            )),
        ),
        (
            "catalog_request",
            post("/v1/catalog/request".to_owned(), product.clone()),
        ),
        (
            "catalog_trial_request",
            post("/v1/catalog/trial-request".to_owned(), product),
        ),
        ("api_key_list", get(format!("/v1/api-keys?tenant_id={id}"))),
        (
            "api_key_create",
            post("/v1/api-keys".to_owned(), json!({ "tenant_id": id, "name": "n" })),
        ),
        ("api_key_get", get(format!("/v1/api-keys/{key}"))),
        (
            "api_key_update",
            service
                .raw
                .request(Method::PATCH, &format!("/v1/api-keys/{key}"))
                .json(&json!({ "name": "n" })),
        ),
        ("api_key_rotate", post(format!("/v1/api-keys/{key}/rotate"), json!({}))),
        (
            "api_key_revoke",
            service.raw.request(Method::DELETE, &format!("/v1/api-keys/{key}")),
        ),
        ("audit_append", post("/v1/audit".to_owned(), json!({ "action": "a" }))),
        (
            "audit_append_batch",
            post("/v1/audit/batch".to_owned(), json!({ "events": [{ "action": "a" }] })),
        ),
        ("audit_get", get("/v1/audit/1".to_owned())),
        ("audit_list", get("/v1/audit".to_owned())),
    ]
}

/// The operations that use the store and declare a status. The catalog is not in the store: it returns 503 only while
/// the issuer is unavailable. A batch of verifications has the error of the store in its results.
fn declaring(status: u16) -> BTreeSet<&'static str> {
    let without_store_errors = ["catalog_list", "api_key_verify_batch"];
    let declaring = SPEC
        .operations
        .iter()
        .filter(|operation| !without_store_errors.contains(&operation.id.as_str()))
        .filter(|operation| operation.responses.contains_key(&status));
    declaring.map(|operation| operation.id.as_str()).collect()
}

async fn every_operation_returns_503_with_retry_after(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("steady").await;
    let mut requests = requests(&service, &tenant).await;
    requests.push(("readiness_get", service.raw.request(Method::GET, "/readyz")));
    assert_eq!(
        requests
            .iter()
            .map(|(operation, _)| *operation)
            .collect::<BTreeSet<_>>(),
        declaring(503)
    );
    service.operator.set_fault(Some(Fault::Unavailable));
    for (operation, request) in requests {
        let response = RawResponse::from_request(request).await;
        response.assert_error(503, ErrorCode::Unavailable);
        assert_eq!(
            response.header("retry-after"),
            RETRY_AFTER_SECONDS.to_string(),
            "{operation}"
        );
        assert!(!response.text.contains(SECRET_DETAIL), "{operation}: {response:?}");
    }
}

async fn every_operation_returns_500_without_the_cause(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("steady").await;
    let requests = requests(&service, &tenant).await;
    assert_eq!(
        requests
            .iter()
            .map(|(operation, _)| *operation)
            .collect::<BTreeSet<_>>(),
        declaring(500)
    );
    service.operator.set_fault(Some(Fault::Internal));
    for (operation, request) in requests {
        let response = RawResponse::from_request(request).await;
        let message = response.assert_error(500, ErrorCode::Internal);
        assert!(message.contains("x-request-id"), "{operation}: {message}");
        assert!(!response.text.contains(SECRET_DETAIL), "{operation}: {response:?}");
    }
}

async fn a_failed_change_changes_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("steady").await;
    let mut outcomes = Vec::new();
    for fault in [Fault::Unavailable, Fault::Internal] {
        let requests = requests(&service, &tenant).await;
        let before = (
            service.tenant(tenant.id).await,
            service.raw.get("/v1/audit?limit=500").await.text,
        );
        service.operator.set_fault(Some(fault));
        for (_, request) in requests {
            outcomes.push(RawResponse::from_request(request).await.status);
        }
        service.operator.set_fault(None);
        let after = (
            service.tenant(tenant.id).await,
            service.raw.get("/v1/audit?limit=500").await.text,
        );
        assert_eq!(before, after);
    }
    assert!(outcomes.iter().all(|status| *status >= 500), "{outcomes:?}");
}
