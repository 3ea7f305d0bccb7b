//! Trials of products and the entitlements of tenants.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, server_id, unknown_id};
use crate::harness::{Settings, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tenant_registry_client::types::{CatalogRequest, ErrorCode, TenantActivate, TenantCancel, TenantId, TenantProduct};
use tenant_registry_client::{Error, ResponseValue};
use tenant_registry_contract::types::EntitlementSource;
use tenant_registry_server::records::EntitlementRecord;

cases![
    checks_whether_a_tenant_is_entitled,
    an_entitlement_outlives_its_product_in_the_catalog,
    a_trial_is_an_entitlement_of_14_days,
    a_trial_writes_one_event,
    a_tenant_can_try_a_product_once,
    an_expired_trial_cannot_be_repeated,
    concurrent_requests_start_one_trial,
    an_entitled_tenant_cannot_start_a_trial,
    a_product_without_trials_cannot_be_tried,
    a_frozen_or_archived_tenant_cannot_start_a_trial,
    an_expired_entitlement_is_not_enabled,
    lists_entitlements_by_product,
    returns_all_stored_properties,
    lists_only_entitlements_of_the_tenant,
    an_unknown_tenant_is_not_found,
];

impl TestServer {
    async fn try_product(&self, tenant_id: TenantId, product: &str) -> Result<TenantProduct, Error> {
        let body = CatalogRequest::new(tenant_id, product.try_into().unwrap());
        let response = self.client.catalog_trial_request().body(body).send().await;
        response.map(ResponseValue::into_inner)
    }

    async fn entitlements(&self, tenant_id: TenantId) -> Vec<TenantProduct> {
        let list = self.client.entitlement_list().tenant_id(tenant_id).send().await;
        list.unwrap().into_inner().items
    }

    /// Inserts an entitlement directly into the store.
    async fn sold(&self, tenant_id: TenantId, product: &str, enabled: bool) {
        let now = self.clock.now().try_into().unwrap();
        let entitlement = EntitlementRecord {
            tenant_id: server_id(tenant_id),
            product: product.into(),
            enabled,
            config: r#"{"seats":5,"regions":["eu"]}"#.parse().unwrap(),
            expires_at: None,
            source: EntitlementSource::Purchase,
            created_at: now,
            updated_at: now,
        };
        self.operator.insert_entitlement(entitlement).await;
    }
}

async fn a_trial_is_an_entitlement_of_14_days(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let now = service.clock.now();
    let trial = service.try_product(tenant.id, "insights").await.unwrap();
    assert_eq!((trial.tenant_id, trial.product.as_str()), (tenant.id, "insights"));
    assert!(trial.enabled && trial.config.is_empty());
    assert_eq!(trial.expires_at.unwrap().get(), now + TimeDelta::days(14));
    assert_eq!((trial.created_at.get(), trial.updated_at.get()), (now, now));
    assert_eq!(service.entitlements(tenant.id).await, [trial]);
}

async fn a_trial_writes_one_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    service.try_product(tenant.id, "insights").await.unwrap();
    let events = service.events(tenant.id).await;
    let [_, event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(event.action.as_str(), "catalog.trial_started");
    assert_eq!(event.product.as_ref().map(|product| product.as_str()), Some("insights"));
}

async fn a_tenant_can_try_a_product_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let trial = service.try_product(tenant.id, "insights").await.unwrap();
    service.clock.advance(TimeDelta::days(1));
    let message = assert_error(
        service.try_product(tenant.id, "insights").await,
        409,
        ErrorCode::Conflict,
    );
    assert!(message.contains("insights"), "{message}");
    assert_eq!(service.entitlements(tenant.id).await, [trial]);
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "catalog.trial_started"]
    );
    assert!(
        service.try_product(tenant.id, "reports").await.is_ok(),
        "another product"
    );
}

async fn an_expired_trial_cannot_be_repeated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    service.try_product(tenant.id, "insights").await.unwrap();
    service.clock.advance(TimeDelta::days(100));
    assert_error(
        service.try_product(tenant.id, "insights").await,
        409,
        ErrorCode::Conflict,
    );
}

async fn concurrent_requests_start_one_trial(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let body = CatalogRequest::new(tenant.id, "insights".try_into().unwrap());
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (client, body) = (service.client.clone(), body.clone());
        attempts.spawn(async move { client.catalog_trial_request().body(body).send().await });
    }
    let (winners, losers): (Vec<_>, Vec<_>) = attempts.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(winners.len(), 1);
    for loser in losers {
        assert_error(loser, 409, ErrorCode::Conflict);
    }
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "catalog.trial_started"]
    );
}

async fn an_entitled_tenant_cannot_start_a_trial(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("customer").await;
    for (product, enabled) in [("insights", true), ("reports", false)] {
        service.sold(tenant.id, product, enabled).await;
        assert_error(service.try_product(tenant.id, product).await, 409, ErrorCode::Conflict);
    }
}

async fn a_product_without_trials_cannot_be_tried(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let message = assert_error(
        service.try_product(tenant.id, "connect").await,
        400,
        ErrorCode::InvalidInput,
    );
    assert!(message.contains("connect"), "{message}");
    assert!(service.entitlements(tenant.id).await.is_empty());
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}

async fn a_frozen_or_archived_tenant_cannot_start_a_trial(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    let archived = service.archived("archived").await;
    for tenant in [frozen.id, archived.id] {
        assert_error(service.try_product(tenant, "insights").await, 409, ErrorCode::Conflict);
        assert!(service.entitlements(tenant).await.is_empty());
    }
    service.activate(frozen.id, TenantActivate::default()).await.unwrap();
    assert!(service.try_product(frozen.id, "insights").await.is_ok());
}

async fn an_expired_entitlement_is_not_enabled(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let trial = service.try_product(tenant.id, "insights").await.unwrap();
    let end = trial.expires_at.unwrap().get();
    service.clock.set(end - TimeDelta::microseconds(1));
    assert_eq!(service.entitlements(tenant.id).await, std::slice::from_ref(&trial));
    for instant in [end, end + TimeDelta::days(1)] {
        service.clock.set(instant);
        let expired = TenantProduct {
            enabled: false,
            ..trial.clone()
        };
        assert_eq!(service.entitlements(tenant.id).await, [expired]);
    }
}

async fn lists_entitlements_by_product(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("customer").await;
    for product in ["reports", "insights", "connect"] {
        service.sold(tenant.id, product, true).await;
    }
    let products: Vec<_> = service
        .entitlements(tenant.id)
        .await
        .into_iter()
        .map(|item| item.product.to_string())
        .collect();
    assert_eq!(products, ["connect", "insights", "reports"]);
}

async fn returns_all_stored_properties(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("customer").await;
    service.sold(tenant.id, "connect", true).await;
    service.sold(tenant.id, "insights", false).await;
    service.clock.advance(TimeDelta::days(10_000));
    let response = service
        .raw
        .get(&format!("/v1/entitlements?tenant_id={}", tenant.id))
        .await;
    let time = "2026-11-23T09:30:00.123456Z";
    let expected = |product, enabled| {
        json!({
            "tenant_id": tenant.id, "product": product, "enabled": enabled,
            "config": { "seats": 5, "regions": ["eu"] }, "expires_at": null, "source": "purchase",
            "created_at": time, "updated_at": time,
        })
    };
    let items = [expected("connect", true), expected("insights", false)];
    assert_eq!(response.json::<Value>(), json!({ "items": items }));
}

async fn lists_only_entitlements_of_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (one, other) = (service.customer("one").await, service.customer("other").await);
    service.try_product(one.id, "insights").await.unwrap();
    assert!(service.entitlements(other.id).await.is_empty());
    assert!(service.try_product(other.id, "insights").await.is_ok());
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let response = service.client.entitlement_list().tenant_id(id).send().await;
    assert_error(response, 404, ErrorCode::NotFound);
}

/// The response of `entitlement_check`.
async fn check(service: &TestServer, tenant_id: TenantId, product: &str) -> Value {
    let path = format!("/v1/internal/entitlements/check?tenant_id={tenant_id}&product={product}");
    let response = service.raw.get(&path).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

async fn checks_whether_a_tenant_is_entitled(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = service.customer("curious").await;
    let on_each = async |expected: Value| {
        for replica in [&service, &replica] {
            assert_eq!(check(replica, tenant.id, "insights").await, expected);
        }
    };
    let not_entitled = |reason: &str| json!({ "entitled": false, "reason": reason });
    on_each(not_entitled("none")).await;
    assert_eq!(
        check(&service, tenant.id, "no-such-product").await,
        not_entitled("unknown_product")
    );
    assert_eq!(
        check(&service, unknown_id(), "insights").await,
        not_entitled("unknown_tenant")
    );
    let body = json!({ "tenant_id": tenant.id, "product": "insights" });
    let trial: Value = service.raw.post_json("/v1/catalog/trial-request", &body).await.json();
    on_each(json!({ "entitled": true, "expires_at": trial["expires_at"], "config": {} })).await;
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    on_each(not_entitled("tenant_inactive")).await;
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    service.clock.advance(TimeDelta::days(14));
    on_each(not_entitled("expired")).await;
}

async fn an_entitlement_outlives_its_product_in_the_catalog(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("loyal").await;
    service.sold(tenant.id, "withdrawn", true).await;
    service.sold(tenant.id, "disabled", false).await;
    assert_eq!(
        check(&service, tenant.id, "withdrawn").await,
        json!({ "entitled": true, "config": { "seats": 5, "regions": ["eu"] } })
    );
    assert_eq!(
        check(&service, tenant.id, "disabled").await,
        json!({ "entitled": false, "reason": "disabled" })
    );
}
