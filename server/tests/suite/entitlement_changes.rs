//! Reading, setting and revoking entitlements.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::{
    CatalogRequest, EntitlementSet, ErrorCode, ProductKey, TenantActivate, TenantCancel, TenantId, TenantProduct,
};

cases![
    setting_creates_an_entitlement_with_defaults,
    setting_replaces_all_of_an_entitlement,
    setting_the_same_state_again_changes_nothing,
    a_request_that_was_accepted_can_be_repeated_later,
    a_purchase_requires_a_plan_of_the_product,
    an_override_works_with_any_plan,
    a_purchase_replaces_a_trial,
    a_past_end_is_an_expired_entitlement,
    a_frozen_tenant_can_have_entitlements,
    an_archived_tenant_gets_no_entitlements,
    a_product_that_the_catalog_lacks_is_not_found,
    an_unknown_tenant_is_not_found,
    revoking_disables_an_entitlement,
    a_revocation_can_be_repeated,
    a_revoked_product_cannot_be_tried,
    a_revoked_entitlement_can_be_set_again,
    an_entitlement_that_never_existed_is_not_found,
    events_say_what_changed,
    concurrent_requests_create_an_entitlement_once,
    a_body_of_the_wrong_type_or_size_is_rejected,
];

impl TestServer {
    async fn set(&self, tenant_id: TenantId, product: &str, body: &Value) -> RawResponse {
        let path = format!("/v1/entitlements/{tenant_id}/{product}");
        RawResponse::from_request(self.raw.request(Method::PUT, &path).json(body)).await
    }

    async fn set_to(&self, tenant_id: TenantId, product: &str, body: &Value, status: u16) -> TenantProduct {
        let response = self.set(tenant_id, product, body).await;
        assert_eq!(response.status, status, "{response:?}");
        let set: TenantProduct = response.json();
        assert_eq!(self.entitlement(tenant_id, product).await, set);
        set
    }

    async fn entitlement(&self, tenant_id: TenantId, product: &str) -> TenantProduct {
        let get = self.client.entitlement_get().tenant_id(tenant_id).product(product);
        get.send().await.unwrap().into_inner()
    }

    async fn revoke_entitlement(&self, tenant_id: TenantId, product: &str) -> RawResponse {
        let path = format!("/v1/entitlements/{tenant_id}/{product}");
        RawResponse::from_request(self.raw.request(Method::DELETE, &path)).await
    }

    async fn try_insights(&self, tenant_id: TenantId) -> RawResponse {
        let body = CatalogRequest::new(tenant_id, ProductKey::try_from("insights").unwrap());
        self.raw
            .post_json("/v1/catalog/trial-request", &serde_json::to_value(body).unwrap())
            .await
    }
}

async fn setting_creates_an_entitlement_with_defaults(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let body = EntitlementSet::default();
    let set = service.client.entitlement_set().tenant_id(tenant.id);
    let response = set.product("insights").body(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let now = json!("2026-11-23T09:30:00.123456Z");
    assert_eq!(
        serde_json::to_value(response.into_inner()).unwrap(),
        json!({
            "tenant_id": tenant.id, "product": "insights", "enabled": true, "config": {}, "expires_at": null,
            "source": "purchase", "created_at": now, "updated_at": now,
        })
    );
}

async fn setting_replaces_all_of_an_entitlement(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let end = "2030-01-01T00:00:00.000000Z";
    let full = json!({ "config": { "seats": 5 }, "expires_at": end, "source": "override" });
    let first = service.set_to(tenant.id, "insights", &full, 201).await;
    assert_eq!(
        json!([first.config, first.expires_at, first.source]),
        json!([{ "seats": 5 }, end, "override"])
    );
    service.clock.advance(TimeDelta::hours(1));
    let second = service
        .set_to(tenant.id, "insights", &json!({ "enabled": false }), 200)
        .await;
    assert_eq!(
        json!([second.enabled, second.config, second.expires_at, second.source]),
        json!([false, {}, null, "purchase"])
    );
    assert_eq!(second.created_at, first.created_at);
    assert_eq!(second.updated_at.get(), service.clock.now());
}

async fn setting_the_same_state_again_changes_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let body = json!({ "config": { "seats": 5 } });
    let first = service.set_to(tenant.id, "insights", &body, 201).await;
    service.clock.advance(TimeDelta::hours(1));
    assert_eq!(service.set_to(tenant.id, "insights", &body, 200).await, first);
    let with_defaults = json!({ "enabled": true, "config": { "seats": 5 }, "source": "purchase" });
    assert_eq!(service.set_to(tenant.id, "insights", &with_defaults, 200).await, first);
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "entitlement.granted"]
    );
}

async fn a_request_that_was_accepted_can_be_repeated_later(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let plan = |plan: &str| TenantActivate {
        plan: Some(plan.try_into().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, plan("business")).await.unwrap();
    let body = json!({ "expires_at": "2026-12-01T00:00:00Z" });
    service.set_to(tenant.id, "reports", &body, 201).await;
    // Neither the end nor another plan matters to a repetition.
    service.activate(tenant.id, plan("starter")).await.unwrap();
    service.clock.advance(TimeDelta::days(365));
    let again = service.set_to(tenant.id, "reports", &body, 200).await;
    assert!(!again.enabled);
    let other = service.set(tenant.id, "reports", &json!({})).await;
    other.assert_error(409, ErrorCode::Conflict);
}

async fn a_purchase_requires_a_plan_of_the_product(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    for body in [json!({}), json!({ "source": "purchase", "enabled": false })] {
        let response = service.set(tenant.id, "reports", &body).await;
        let message = response.assert_error(409, ErrorCode::Conflict);
        for part in ["`reports`", "`business` or `enterprise`", "`starter`"] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
    let enterprise = TenantActivate {
        plan: Some("enterprise".try_into().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, enterprise).await.unwrap();
    service.set_to(tenant.id, "reports", &json!({}), 201).await;
}

async fn an_override_works_with_any_plan(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("friend").await;
    let set = service
        .set_to(tenant.id, "reports", &json!({ "source": "override" }), 201)
        .await;
    assert_eq!(json!(set.source), "override");
    let trial = service.set(tenant.id, "reports", &json!({ "source": "trial" })).await;
    trial.assert_error(400, ErrorCode::InvalidInput);
}

async fn a_purchase_replaces_a_trial(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("convinced").await;
    let trial: TenantProduct = service.try_insights(tenant.id).await.json();
    assert_eq!(json!(trial.source), "trial");
    let bought = service.set_to(tenant.id, "insights", &json!({}), 200).await;
    assert_eq!((json!(bought.source), bought.expires_at), (json!("purchase"), None));
    service.clock.advance(TimeDelta::days(30));
    assert!(service.entitlement(tenant.id, "insights").await.enabled);
}

async fn a_past_end_is_an_expired_entitlement(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("late").await;
    let body = json!({ "expires_at": service.clock.now().to_rfc3339() });
    assert!(!service.set_to(tenant.id, "insights", &body, 201).await.enabled);
}

async fn a_frozen_tenant_can_have_entitlements(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("frozen").await;
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    service.set_to(tenant.id, "insights", &json!({}), 201).await;
}

async fn an_archived_tenant_gets_no_entitlements(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("gone").await;
    service.set_to(tenant.id, "insights", &json!({}), 201).await;
    service.archive(tenant.id).await.unwrap();
    for (product, body) in [
        ("connect", json!({})),
        ("insights", json!({ "config": { "seats": 1 } })),
    ] {
        let response = service.set(tenant.id, product, &body).await;
        let message = response.assert_error(409, ErrorCode::Conflict);
        assert!(message.contains("archived"), "{message}");
    }
    // It can lose them.
    assert_eq!(service.revoke_entitlement(tenant.id, "insights").await.status, 204);
}

async fn a_product_that_the_catalog_lacks_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let response = service.set(tenant.id, "no-such-product", &json!({})).await;
    let message = response.assert_error(404, ErrorCode::NotFound);
    assert!(message.contains("`no-such-product`"), "{message}");
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let responses = [
        service.set(id, "insights", &json!({})).await,
        service.revoke_entitlement(id, "insights").await,
        service.raw.get(&format!("/v1/entitlements/{id}/insights")).await,
    ];
    for response in responses {
        let message = response.assert_error(404, ErrorCode::NotFound);
        assert!(message.contains(&id.to_string()), "{message}");
    }
}

async fn revoking_disables_an_entitlement(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let body = json!({ "config": { "seats": 5 }, "source": "override" });
    let set = service.set_to(tenant.id, "insights", &body, 201).await;
    service.clock.advance(TimeDelta::hours(1));
    let revoke = service.client.entitlement_revoke().tenant_id(tenant.id);
    let revoked = revoke.product("insights").send().await.unwrap();
    assert_eq!(revoked.status().as_u16(), 204);
    let expected = TenantProduct {
        enabled: false,
        updated_at: service.clock.now().try_into().unwrap(),
        ..set
    };
    assert_eq!(service.entitlement(tenant.id, "insights").await, expected);
}

async fn a_revocation_can_be_repeated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    service.set_to(tenant.id, "insights", &json!({}), 201).await;
    assert_eq!(service.revoke_entitlement(tenant.id, "insights").await.status, 204);
    let revoked = service.entitlement(tenant.id, "insights").await;
    service.clock.advance(TimeDelta::hours(1));
    assert_eq!(service.revoke_entitlement(tenant.id, "insights").await.status, 204);
    assert_eq!(service.entitlement(tenant.id, "insights").await, revoked);
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "entitlement.granted", "entitlement.revoked"]
    );
}

async fn a_revoked_product_cannot_be_tried(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    assert_eq!(service.try_insights(tenant.id).await.status, 201);
    service.revoke_entitlement(tenant.id, "insights").await;
    let again = service.try_insights(tenant.id).await;
    again.assert_error(409, ErrorCode::Conflict);
}

async fn a_revoked_entitlement_can_be_set_again(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    service.set_to(tenant.id, "insights", &json!({}), 201).await;
    service.revoke_entitlement(tenant.id, "insights").await;
    assert!(service.set_to(tenant.id, "insights", &json!({}), 200).await.enabled);
    assert_eq!(service.actions(tenant.id).await.last().unwrap(), "entitlement.changed");
}

async fn an_entitlement_that_never_existed_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("none").await;
    let get = service
        .client
        .entitlement_get()
        .tenant_id(tenant.id)
        .product("insights");
    let message = assert_error(get.send().await, 404, ErrorCode::NotFound);
    assert!(message.contains("`insights`"), "{message}");
    let revoked = service.revoke_entitlement(tenant.id, "insights").await;
    revoked.assert_error(404, ErrorCode::NotFound);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}

async fn events_say_what_changed(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let end = "2030-01-01T00:00:00.000000Z";
    service
        .set_to(tenant.id, "insights", &json!({ "expires_at": end }), 201)
        .await;
    service
        .set_to(tenant.id, "insights", &json!({ "config": { "seats": 5 } }), 200)
        .await;
    service.revoke_entitlement(tenant.id, "insights").await;
    let events = service.events(tenant.id).await;
    let expected = [
        (
            "entitlement.granted",
            json!({ "enabled": true, "source": "purchase", "expires_at": end }),
        ),
        (
            "entitlement.changed",
            json!({ "changed": ["config", "expires_at"], "enabled": true, "source": "purchase" }),
        ),
        ("entitlement.revoked", json!({ "enabled": false, "source": "purchase" })),
    ];
    assert_eq!(events.len(), 4);
    for (event, (action, metadata)) in events[1..].iter().zip(expected) {
        assert_eq!(event.action.as_str(), action);
        let found: Value = event.metadata.as_ref().unwrap().parse().unwrap();
        assert_eq!(found, metadata, "{action}");
        let target = (&event.product, &event.target_type, &event.target_id, &event.target_name);
        assert_eq!(json!(target), json!(["insights", "product", "insights", "Insights"]));
    }
}

async fn concurrent_requests_create_an_entitlement_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let body = json!({ "config": { "seats": 5 } });
    let responses = join_all((0..8).map(|_| service.set(tenant.id, "insights", &body))).await;
    let created = responses.iter().filter(|response| response.status == 201).count();
    let unchanged = responses.iter().filter(|response| response.status == 200).count();
    assert_eq!((created, unchanged), (1, 7), "{responses:?}");
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "entitlement.granted"]
    );
    // A trial and a purchase at the same time: either the trial comes first and is bought, or it comes too late.
    let other = service.customer("undecided").await;
    let (bought, tried) = tokio::join!(service.set(other.id, "insights", &body), service.try_insights(other.id));
    let statuses = (bought.status, tried.status);
    assert!([(201, 409), (200, 201)].contains(&statuses), "{statuses:?}");
    assert_eq!(
        json!(service.entitlement(other.id, "insights").await.source),
        "purchase"
    );
}

async fn a_body_of_the_wrong_type_or_size_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("buyer").await;
    let path = format!("/v1/entitlements/{}/insights", tenant.id);
    let put = |content_type: &str, body: String| {
        let request = service.raw.request(Method::PUT, &path);
        RawResponse::from_request(request.header("content-type", content_type).body(body))
    };
    let text = put("text/plain", "{}".to_owned()).await;
    text.assert_error(415, ErrorCode::UnsupportedMediaType);
    let large = put("application/json", " ".repeat(1024 * 1024 * 2)).await;
    large.assert_error(413, ErrorCode::PayloadTooLarge);
    for body in ["", "[]", r#"{"seats": 5}"#] {
        let invalid = put("application/json", body.to_owned()).await;
        invalid.assert_error(400, ErrorCode::InvalidInput);
    }
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}
