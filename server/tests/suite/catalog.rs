//! Listing the catalog and requesting its products.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use serde_json::json;
use tenant_registry_client::types::{CatalogRequest, ErrorCode, TenantCancel, TenantId};

cases![
    lists_products_in_the_order_of_the_file,
    returns_304_if_the_tag_matches,
    replicas_return_the_same_tag,
    a_request_writes_an_event_and_changes_no_entitlement,
    every_request_writes_an_event,
    tenants_of_every_status_can_request_a_product,
    an_unknown_tenant_or_product_is_not_found,
];

async fn lists_products_in_the_order_of_the_file(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let response = service.raw.get("/v1/catalog").await;
    let expected = json!({ "items": [
        {
            "key": "reports", "name": "Reports", "description": "Can be tried.",
            "plans_required": ["business", "enterprise"], "demo_url": "https://demo.example.com/reports",
            "supports_trial": true,
        },
        {
            "key": "connect", "name": "Connect", "description": "Cannot be tried.", "plans_required": [],
            "supports_trial": false,
        },
        {
            "key": "insights", "name": "Insights", "description": "Can be tried too.", "plans_required": [],
            "supports_trial": true,
        },
    ] });
    assert_eq!(response.json::<serde_json::Value>(), expected);
    assert_eq!(service.client.catalog_list().send().await.unwrap().items.len(), 3);
}

async fn returns_304_if_the_tag_matches(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let first = service.raw.get("/v1/catalog").await;
    let etag = first.header("etag").to_owned();
    assert!(etag.len() > 8 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    for method in [Method::GET, Method::HEAD] {
        let ask = |known: &[&str]| {
            let request = service.raw.request(method.clone(), "/v1/catalog");
            RawResponse::from_request(
                known
                    .iter()
                    .fold(request, |request, known| request.header("if-none-match", *known)),
            )
        };
        let (weak, list) = (format!("W/{etag}"), format!("\"a,b\" ,{etag}"));
        for known in [&[etag.as_str()][..], &[&weak], &[&list], &["*"], &["\"other\"", &etag]] {
            let again = ask(known).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{known:?}");
            assert_eq!(
                (again.header("etag"), again.header("cache-control")),
                (etag.as_str(), "private, no-cache")
            );
            assert!(!again.headers.contains_key("content-type"), "{again:?}");
        }
        let bare = etag.trim_matches('"');
        for unknown in [&["\"other\""][..], &[bare], &["\"a,*,b\""], &[""], &[]] {
            let full = ask(unknown).await;
            let text = if method == Method::HEAD { "" } else { &first.text };
            assert_eq!((full.status, full.text.as_str()), (200, text), "{unknown:?}");
            for name in ["etag", "content-length", "content-type"] {
                assert_eq!(full.header(name), first.header(name), "{unknown:?}");
            }
        }
    }
}

/// A caller may get its next response from another replica.
async fn replicas_return_the_same_tag(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tag = async |service: &TestServer| service.raw.get("/v1/catalog").await.header("etag").to_owned();
    assert_eq!(tag(&service).await, tag(&replica).await);
}

async fn a_request_writes_an_event_and_changes_no_entitlement(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("asking").await;
    let body = CatalogRequest::new(tenant.id, "connect".try_into().unwrap());
    let accepted = service.client.catalog_request().body(body).send().await.unwrap();
    assert_eq!(accepted.status().as_u16(), 202);
    let event = service.events(tenant.id).await.pop().unwrap();
    assert_eq!(event.action.as_str(), "catalog.requested");
    assert_eq!(event.product.as_ref().map(|product| product.as_str()), Some("connect"));
    let entitlements = service
        .client
        .entitlement_list()
        .tenant_id(tenant.id)
        .send()
        .await
        .unwrap();
    assert!(entitlements.items.is_empty());
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

/// A request only records the interest, so repeating it writes another event.
async fn every_request_writes_an_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("asking").await;
    for _ in 0..2 {
        let body = CatalogRequest::new(tenant.id, "reports".try_into().unwrap());
        service.client.catalog_request().body(body).send().await.unwrap();
    }
    let actions = service.actions(tenant.id).await;
    assert_eq!(actions, ["tenant.created", "catalog.requested", "catalog.requested"]);
}

async fn tenants_of_every_status_can_request_a_product(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let demo = service.demo("demo").await;
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    for tenant in [demo, frozen] {
        let body = CatalogRequest::new(tenant.id, "reports".try_into().unwrap());
        assert!(
            service.client.catalog_request().body(body).send().await.is_ok(),
            "{}",
            tenant.slug
        );
    }
}

async fn an_unknown_tenant_or_product_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("asking").await;
    let unknown: TenantId = unknown_id();
    for (id, product, named) in [
        (tenant.id, "teapots", "teapots".to_owned()),
        (unknown, "reports", unknown.to_string()),
    ] {
        let body = CatalogRequest::new(id, product.try_into().unwrap());
        let requested = service.client.catalog_request().body(body.clone()).send().await;
        let message = assert_error(requested, 404, ErrorCode::NotFound);
        assert!(message.contains(&named), "{message}");
        let tried = service.client.catalog_trial_request().body(body).send().await;
        let message = assert_error(tried, 404, ErrorCode::NotFound);
        assert!(message.contains(&named), "{message}");
    }
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}
