//! Cancelling tenants, immediately and at the end of their period.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{Settings, StoreUnderTest, TestServer};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tenant_registry_client::types::{
    ApiKeyVerifyReason, ErrorCode, Tenant, TenantActivate, TenantCancel, TenantId, TenantStatus,
};

cases![
    freezes_the_tenant_immediately,
    accepts_an_absent_body,
    the_event_contains_the_reason_and_the_effective_time,
    repeating_a_cancellation_changes_nothing_and_writes_no_event,
    at_period_end_an_active_tenant_stays_until_its_contract_ends,
    at_period_end_a_trial_stays_until_it_ends,
    cancel_at_shows_a_pending_cancellation,
    every_operation_on_every_replica_sees_the_freeze,
    repeating_a_pending_cancellation_changes_nothing_and_writes_no_event,
    an_immediate_cancellation_replaces_a_pending_one,
    rejects_at_period_end_without_a_period_end,
    a_contract_until_the_last_day_of_the_year_9999_has_no_end,
    at_period_end_freezes_immediately_if_the_period_has_ended,
    a_tenant_can_be_activated_after_its_pending_freeze,
    extending_the_contract_ends_a_pending_cancellation,
    an_archived_tenant_cannot_be_cancelled,
    an_unknown_tenant_is_not_found,
];

fn at_period_end() -> TenantCancel {
    TenantCancel {
        reason: None,
        at_period_end: true,
    }
}

async fn active_until(service: &TestServer, slug: &str, last_day: &str) -> Tenant {
    let tenant = service.customer(slug).await;
    let body = TenantActivate {
        contract_end: Some(last_day.parse().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, body).await.unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Expects that the tenant has the status `before` until one microsecond before `end`, and is frozen from `end` on.
async fn assert_freezes_at(service: &TestServer, id: TenantId, end: DateTime<Utc>, before: TenantStatus) {
    let instants = [
        (end - TimeDelta::microseconds(1), before),
        (end, TenantStatus::Frozen),
        (end + TimeDelta::days(400), TenantStatus::Frozen),
    ];
    for (instant, status) in instants {
        service.clock.set(instant);
        assert_eq!(service.tenant(id).await.status, status, "at {instant}");
    }
}

async fn freezes_the_tenant_immediately(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let trial = service.customer("trial").await;
    let demo = service.demo("demo").await;
    let active = active_until(&service, "active", "2027-12-31").await;
    for tenant in [trial, demo, active] {
        let frozen = service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
        assert_eq!(
            (frozen.status.known(), frozen.updated_at.get()),
            (Some(TenantStatus::Frozen), service.clock.now())
        );
        assert_eq!(service.tenant(tenant.id).await, frozen);
    }
}

async fn accepts_an_absent_body(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("absent").await;
    let frozen = service.client.tenant_cancel().id(tenant.id).send().await.unwrap();
    assert_eq!(frozen.status, TenantStatus::Frozen);
    let tenant = service.customer("empty").await;
    let response = service.raw.post(&format!("/v1/tenants/{}/cancel", tenant.id), "").await;
    assert_eq!(
        (response.status, response.json::<Tenant>().status),
        (200, TenantStatus::Frozen.into())
    );
}

async fn the_event_contains_the_reason_and_the_effective_time(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let now_cancelled = service.customer("now").await;
    let body = TenantCancel {
        reason: Some("too dear".try_into().unwrap()),
        at_period_end: false,
    };
    service.cancel(now_cancelled.id, body).await.unwrap();
    let later_cancelled = active_until(&service, "later", "2026-12-31").await;
    service.cancel(later_cancelled.id, at_period_end()).await.unwrap();

    let expected = [
        (
            now_cancelled.id,
            json!({ "reason": "too dear", "effective_at": "2026-11-23T09:30:00.123456Z" }),
        ),
        (
            later_cancelled.id,
            json!({ "effective_at": "2027-01-01T00:00:00.000000Z" }),
        ),
    ];
    for (id, metadata) in expected {
        let events = service.events(id).await;
        let event = events.last().unwrap();
        assert_eq!(event.action.as_str(), "tenant.cancelled");
        assert_eq!(
            event.metadata.as_ref().map(|it| it.parse::<Value>().unwrap()),
            Some(metadata)
        );
    }
}

async fn repeating_a_cancellation_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("retried").await;
    let first = service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    assert_eq!(service.cancel(tenant.id, TenantCancel::default()).await.unwrap(), first);
    assert_eq!(service.cancel(tenant.id, at_period_end()).await.unwrap(), first);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created", "tenant.cancelled"]);
}

async fn at_period_end_an_active_tenant_stays_until_its_contract_ends(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = active_until(&service, "leaving", "2026-12-31").await;
    let pending = service.cancel(tenant.id, at_period_end()).await.unwrap();
    assert_eq!(pending.status, TenantStatus::Active);
    assert_freezes_at(&service, tenant.id, time("2027-01-01T00:00:00Z"), TenantStatus::Active).await;
}

async fn at_period_end_a_trial_stays_until_it_ends(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("leaving").await;
    let pending = service.cancel(tenant.id, at_period_end()).await.unwrap();
    assert_eq!(pending.status, TenantStatus::Trial);
    let end = tenant.trial_ends_at.unwrap();
    assert_freezes_at(&service, tenant.id, end.get(), TenantStatus::Trial).await;
}

async fn cancel_at_shows_a_pending_cancellation(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = active_until(&service, "leaving", "2026-12-31").await;
    assert_eq!(tenant.cancel_at, None);
    let end = time("2027-01-01T00:00:00Z");
    let pending = service.cancel(tenant.id, at_period_end()).await.unwrap();
    assert_eq!(pending.cancel_at.map(DateTime::from), Some(end));
    assert_eq!(service.tenant(tenant.id).await, pending);

    let active = service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    assert_eq!(active.cancel_at, None, "an activation ends the cancellation");
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    let frozen = service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    assert_eq!(frozen.cancel_at, None, "an immediate cancellation is not pending");

    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    service.clock.set(end);
    assert_eq!(service.tenant(tenant.id).await.cancel_at, None, "it has taken effect");
}

async fn every_operation_on_every_replica_sees_the_freeze(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = active_until(&service, "leaving", "2026-12-31").await;
    let key = service.api_key(tenant.id).await.plaintext;
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    service.clock.set(time("2026-12-31T23:59:59.999999Z"));
    for replica in [&service, &replica] {
        assert!(replica.verify(key.expose_secret()).await.valid);
    }

    service.clock.set(time("2027-01-01T00:00:00Z"));
    for replica in [&service, &replica] {
        assert_eq!(replica.tenant(tenant.id).await.status, TenantStatus::Frozen);
        let by_slug = replica
            .client
            .tenant_get_by_slug()
            .slug("leaving")
            .send()
            .await
            .unwrap();
        assert_eq!(by_slug.status, TenantStatus::Frozen);
        let verified = replica.verify(key.expose_secret()).await;
        assert_eq!(
            (verified.valid, verified.reason),
            (false, Some(ApiKeyVerifyReason::TenantInactive.into()))
        );
        let cancelled = replica.cancel(tenant.id, TenantCancel::default()).await.unwrap();
        assert_eq!(cancelled.status, TenantStatus::Frozen);
    }
}

async fn repeating_a_pending_cancellation_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("retried").await;
    let first = service.cancel(tenant.id, at_period_end()).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    assert_eq!(service.cancel(tenant.id, at_period_end()).await.unwrap(), first);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created", "tenant.cancelled"]);
}

async fn an_immediate_cancellation_replaces_a_pending_one(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("hurried").await;
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    let frozen = service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    assert_eq!(frozen.status, TenantStatus::Frozen);
    let actions = service.actions(tenant.id).await;
    assert_eq!(actions, ["tenant.created", "tenant.cancelled", "tenant.cancelled"]);
}

async fn rejects_at_period_end_without_a_period_end(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let demo = service.demo("demo").await;
    let endless = service.customer("endless").await;
    let endless = service.activate(endless.id, TenantActivate::default()).await.unwrap();
    for tenant in [demo, endless] {
        let message = assert_error(
            service.cancel(tenant.id, at_period_end()).await,
            400,
            ErrorCode::InvalidInput,
        );
        assert!(message.contains("at_period_end"), "{message}");
        assert_eq!(service.tenant(tenant.id).await, tenant);
        assert!(
            !service
                .actions(tenant.id)
                .await
                .contains(&"tenant.cancelled".to_owned())
        );
    }
}

async fn at_period_end_freezes_immediately_if_the_period_has_ended(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = active_until(&service, "overdue", "2026-11-22").await;
    let frozen = service.cancel(tenant.id, at_period_end()).await.unwrap();
    assert_eq!(frozen.status, TenantStatus::Frozen);
}

async fn a_tenant_can_be_activated_after_its_pending_freeze(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("returning").await;
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    service.clock.advance(TimeDelta::days(30));
    assert_eq!(service.tenant(tenant.id).await.status, TenantStatus::Frozen);
    let active = service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    assert_eq!(active.status, TenantStatus::Active);
    service.clock.advance(TimeDelta::days(30));
    assert_eq!(service.tenant(tenant.id).await.status, TenantStatus::Active);
    let event = service.events(tenant.id).await.pop().unwrap();
    assert_eq!(
        event.metadata.as_ref().map(|it| it.parse::<Value>().unwrap()),
        Some(json!({ "previous_status": "frozen" }))
    );
}

async fn extending_the_contract_ends_a_pending_cancellation(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = active_until(&service, "prolonged", "2026-12-31").await;
    service.cancel(tenant.id, at_period_end()).await.unwrap();
    let longer = TenantActivate {
        contract_end: Some("2027-12-31".parse().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(tenant.id, longer).await.unwrap();
    service.clock.set(time("2027-01-01T00:00:00Z"));
    assert_eq!(service.tenant(tenant.id).await.status, TenantStatus::Active);
}

async fn an_archived_tenant_cannot_be_cancelled(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.archived("gone").await;
    for body in [TenantCancel::default(), at_period_end()] {
        assert_error(service.cancel(tenant.id, body).await, 409, ErrorCode::Conflict);
    }
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    assert_error(
        service.cancel(id, TenantCancel::default()).await,
        404,
        ErrorCode::NotFound,
    );
}

async fn a_contract_until_the_last_day_of_the_year_9999_has_no_end(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = active_until(&service, "endless", "9999-12-31").await;
    let message = assert_error(
        service.cancel(tenant.id, at_period_end()).await,
        400,
        ErrorCode::InvalidInput,
    );
    assert!(
        message.contains("`at_period_end`") && message.contains("`contract_end` is 9999-12-31"),
        "{message}"
    );
    assert_eq!(service.tenant(tenant.id).await, tenant);
    let until_the_day_before = active_until(&service, "ending", "9999-12-30").await;
    assert!(service.cancel(until_the_day_before.id, at_period_end()).await.is_ok());
}
