//! Archiving tenants.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tenant_registry_client::types::{
    ApiKeyVerifyReason, ErrorCode, TenantActivate, TenantCancel, TenantId, TenantStatus,
};

cases![
    archives_tenants_of_every_status_except_active,
    an_active_tenant_is_cancelled_first,
    a_tenant_whose_cancellation_has_taken_effect_can_be_archived,
    archiving_ends_a_pending_cancellation,
    repeating_it_changes_nothing_and_writes_no_event,
    the_event_has_the_previous_status,
    the_keys_of_an_archived_tenant_are_not_valid,
    an_unknown_tenant_is_not_found,
];

fn at_period_end() -> TenantCancel {
    TenantCancel {
        reason: None,
        at_period_end: true,
    }
}

async fn archives_tenants_of_every_status_except_active(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let trial = service.customer("trial").await;
    let demo = service.demo("demo").await;
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    for id in [trial.id, demo.id, frozen.id] {
        service.clock.advance(TimeDelta::seconds(1));
        let archived = service.archive(id).await.unwrap();
        assert_eq!(
            (archived.status.known(), archived.updated_at.get()),
            (Some(TenantStatus::Archived), service.clock.now())
        );
        assert_eq!(service.tenant(id).await, archived);
    }
}

async fn an_active_tenant_is_cancelled_first(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("busy").await;
    let body = TenantActivate {
        contract_end: Some("2026-12-31".parse().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, body).await.unwrap();
    // A cancellation that is only pending is not enough.
    for _ in 0..2 {
        let before = service.tenant(tenant.id).await;
        let message = assert_error(service.archive(tenant.id).await, 409, ErrorCode::Conflict);
        assert!(message.contains("cancel it first"), "{message}");
        assert_eq!(service.tenant(tenant.id).await, before);
        service.cancel(tenant.id, at_period_end()).await.unwrap();
    }
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    service.archive(tenant.id).await.unwrap();
}

async fn a_tenant_whose_cancellation_has_taken_effect_can_be_archived(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("gone").await;
    let body = TenantActivate {
        contract_end: Some("2026-12-31".parse().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, body).await.unwrap();
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    service.clock.set("2027-01-01T00:00:00Z".parse().unwrap());
    let archived = service.archive(tenant.id).await.unwrap();
    assert_eq!(
        (archived.status.known(), archived.cancel_at),
        (Some(TenantStatus::Archived), None)
    );
}

async fn archiving_ends_a_pending_cancellation(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("leaving").await;
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    let archived = service.archive(tenant.id).await.unwrap();
    assert_eq!(
        (archived.status.known(), archived.cancel_at),
        (Some(TenantStatus::Archived), None)
    );
    service.clock.advance(TimeDelta::days(400));
    assert_eq!(service.tenant(tenant.id).await, archived);
}

async fn repeating_it_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("retried").await;
    let first = service.archive(tenant.id).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    assert_eq!(service.archive(tenant.id).await.unwrap(), first);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created", "tenant.archived"]);
}

async fn the_event_has_the_previous_status(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.demo("shown").await;
    service.archive(tenant.id).await.unwrap();
    let events = service.events(tenant.id).await;
    let metadata: Value = events[1].metadata.as_ref().unwrap().as_str().parse().unwrap();
    assert_eq!(metadata, json!({ "previous_status": "demo" }));
}

async fn the_keys_of_an_archived_tenant_are_not_valid(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("locked").await;
    let key = service.api_key(tenant.id).await.plaintext;
    assert!(service.verify(key.expose_secret()).await.valid);
    service.archive(tenant.id).await.unwrap();
    let verified = service.verify(key.expose_secret()).await;
    assert_eq!(
        (verified.valid, verified.reason),
        (false, Some(ApiKeyVerifyReason::TenantInactive.into()))
    );
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let message = assert_error(service.archive(id).await, 404, ErrorCode::NotFound);
    assert!(message.contains(&id.to_string()), "{message}");
}
