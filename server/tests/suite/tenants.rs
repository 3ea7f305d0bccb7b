//! Creating and reading tenants.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::json;
use tenant_registry_client::types::{ErrorCode, Tenant, TenantCreate, TenantId, TenantKind, TenantSlug, TenantStatus};
use uuid::Uuid;

cases![
    a_customer_starts_in_a_trial_of_14_days,
    a_demo_starts_without_an_end,
    absent_properties_have_defaults,
    stores_given_properties,
    finds_a_tenant_by_id_and_by_slug,
    omits_absent_properties_and_returns_null_for_nullable_ones,
    a_slug_in_use_is_a_conflict_and_changes_nothing,
    concurrent_requests_for_a_slug_create_one_tenant,
    creating_writes_one_event,
    an_unknown_id_is_not_found,
    an_unknown_slug_is_not_found,
    finds_a_tenant_whose_slug_is_part_of_another_path,
];

async fn a_customer_starts_in_a_trial_of_14_days(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let now = service.clock.now();
    let tenant = service.customer("customer").await;
    assert_eq!(
        (tenant.status, tenant.kind),
        (TenantStatus::Trial.into(), TenantKind::Customer.into())
    );
    assert_eq!(tenant.trial_ends_at.unwrap().get(), now + TimeDelta::days(14));
    assert_eq!((tenant.contract_start, tenant.contract_end), (None, None));
    assert_eq!((tenant.created_at.get(), tenant.updated_at.get()), (now, now));
}

async fn a_demo_starts_without_an_end(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.demo("for-a-fair").await;
    assert_eq!(
        (tenant.status, tenant.kind),
        (TenantStatus::Demo.into(), TenantKind::Demo.into())
    );
    assert_eq!(tenant.trial_ends_at, None);
}

async fn absent_properties_have_defaults(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let response = service
        .raw
        .post("/v1/tenants", r#"{"slug": "minimal", "name": "M"}"#)
        .await;
    let tenant: Tenant = response.json();
    assert_eq!((response.status, tenant.kind), (201, TenantKind::Customer.into()));
    assert_eq!((tenant.plan.as_str(), tenant.sales_owner), ("starter", None));
}

async fn stores_given_properties(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = TenantCreate {
        slug: "grosse-gmbh".try_into().unwrap(),
        name: "Größe & Söhne „GmbH“ 𝄞\n".try_into().unwrap(),
        plan: "enterprise".try_into().unwrap(),
        kind: TenantKind::Customer,
        sales_owner: Some("Zoë 🦀".try_into().unwrap()),
    };
    let created = service.client.tenant_create().body(body.clone()).send().await.unwrap();
    assert_eq!(created.status().as_u16(), 201);
    let tenant = service.tenant(created.id).await;
    assert_eq!(
        json!([tenant.slug, tenant.name, tenant.plan, tenant.sales_owner]),
        json!([body.slug, body.name, body.plan, body.sales_owner])
    );
    assert_eq!(Uuid::from(tenant.id).get_version_num(), 7);
}

async fn finds_a_tenant_by_id_and_by_slug(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let created = service.customer("findable").await;
    let other = service.demo("another").await;
    assert_eq!(service.tenant(created.id).await, created);
    let by_slug = service
        .client
        .tenant_get_by_slug()
        .slug("findable")
        .send()
        .await
        .unwrap();
    assert_eq!(by_slug.into_inner(), created);
    assert_ne!(other.id, created.id);
}

async fn omits_absent_properties_and_returns_null_for_nullable_ones(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.demo("sparse").await;
    let response = service.raw.get(&format!("/v1/tenants/{}", tenant.id)).await;
    let time = "2026-11-23T09:30:00.123456Z";
    let expected = json!({
        "id": tenant.id, "slug": "sparse", "name": "sparse", "status": "demo", "kind": "demo", "plan": "starter",
        "trial_ends_at": null, "contract_start": null, "contract_end": null, "cancel_at": null, "created_at": time, "updated_at": time,
    });
    assert_eq!(response.json::<serde_json::Value>(), expected);
}

async fn a_slug_in_use_is_a_conflict_and_changes_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let first = service.customer("taken").await;
    let second = TenantCreate::new("taken".try_into().unwrap(), "Second".try_into().unwrap());
    let message = assert_error(
        service.client.tenant_create().body(second).send().await,
        409,
        ErrorCode::Conflict,
    );
    assert!(message.contains("taken"), "{message}");
    assert_eq!(service.tenant(first.id).await, first);
    let created = service
        .client
        .audit_list()
        .action("tenant.created")
        .send()
        .await
        .unwrap();
    assert_eq!(created.items.len(), 1);
}

async fn concurrent_requests_for_a_slug_create_one_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = TenantCreate::new("wanted".try_into().unwrap(), "Wanted".try_into().unwrap());
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (client, body) = (service.client.clone(), body.clone());
        attempts.spawn(async move { client.tenant_create().body(body).send().await });
    }
    let outcomes = attempts.join_all().await;
    let (winners, losers): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(winners.len(), 1);
    for loser in losers {
        assert_error(loser, 409, ErrorCode::Conflict);
    }
}

async fn creating_writes_one_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("audited").await;
    let events = service.events(tenant.id).await;
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(event.action.as_str(), "tenant.created");
    assert_eq!(
        (event.tenant_id, event.created_at),
        (Some(tenant.id), tenant.created_at)
    );
    assert_eq!(
        event.target_id.as_ref().map(|id| id.as_str()),
        Some(tenant.id.to_string().as_str())
    );
    assert_eq!(event.target_type.as_ref().map(|kind| kind.as_str()), Some("tenant"));
    assert_eq!(event.source_ip.as_deref(), Some("127.0.0.1"));
    assert!(
        event
            .user_agent
            .as_ref()
            .is_some_and(|agent| agent.starts_with("tenant-registry-client/"))
    );
}

async fn an_unknown_id_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let message = assert_error(
        service.client.tenant_get().id(id).send().await,
        404,
        ErrorCode::NotFound,
    );
    assert!(message.contains(&id.to_string()), "{message}");
}

async fn an_unknown_slug_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let response = service.client.tenant_get_by_slug().slug("nobody").send().await;
    let message = assert_error(response, 404, ErrorCode::NotFound);
    assert!(message.contains("nobody"), "{message}");
}

/// `/v1/tenants/by-slug/activate` looks like `/v1/tenants/{id}/activate` and is not.
async fn finds_a_tenant_whose_slug_is_part_of_another_path(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for slug in ["activate", "cancel", "by-slug"] {
        let tenant = service.customer(slug).await;
        let slug = TenantSlug::try_from(slug).unwrap();
        let found = service.client.tenant_get_by_slug().slug(slug).send().await.unwrap();
        assert_eq!(found.into_inner(), tenant);
    }
}
