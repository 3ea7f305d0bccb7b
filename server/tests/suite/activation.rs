//! Activating tenants.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tenant_registry_client::types::{Date, ErrorCode, TenantActivate, TenantCancel, TenantId, TenantStatus};

cases![
    activates_tenants_of_every_status_except_archived,
    an_archived_tenant_cannot_be_activated,
    accepts_an_absent_or_empty_body,
    stores_given_properties_and_keeps_the_others,
    rejects_a_contract_that_ends_before_it_starts,
    checks_given_dates_against_stored_ones,
    a_rejected_activation_changes_nothing,
    repeating_an_activation_changes_nothing_and_writes_no_event,
    ends_a_pending_cancellation,
    the_event_contains_what_changed,
    an_unknown_tenant_is_not_found,
    a_day_is_in_the_years_0001_to_9999,
];

fn date(text: &str) -> Option<Date> {
    Some(text.parse().unwrap())
}

fn contract(start: Option<Date>, end: Option<Date>) -> TenantActivate {
    TenantActivate {
        contract_start: start,
        contract_end: end,
        ..TenantActivate::default()
    }
}

async fn activates_tenants_of_every_status_except_archived(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let trial = service.customer("trial").await;
    let demo = service.demo("demo").await;
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    for tenant in [trial.id, demo.id, frozen.id] {
        service.clock.advance(TimeDelta::seconds(1));
        let active = service.activate(tenant, TenantActivate::default()).await.unwrap();
        assert_eq!(
            (active.status.known(), active.updated_at.get()),
            (Some(TenantStatus::Active), service.clock.now())
        );
        assert_eq!(service.tenant(tenant).await, active);
    }
}

async fn an_archived_tenant_cannot_be_activated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.archived("gone").await;
    assert_eq!(tenant.status, TenantStatus::Archived);
    let response = service.activate(tenant.id, TenantActivate::default()).await;
    assert_error(response, 409, ErrorCode::Conflict);
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

async fn accepts_an_absent_or_empty_body(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let absent = service.customer("absent").await;
    let active = service.client.tenant_activate().id(absent.id).send().await.unwrap();
    assert_eq!(active.status, TenantStatus::Active);
    for (slug, body) in [("empty", ""), ("no-members", "{}")] {
        let tenant = service.customer(slug).await;
        let response = service
            .raw
            .post(&format!("/v1/tenants/{}/activate", tenant.id), body)
            .await;
        assert_eq!(response.status, 200, "{slug}: {response:?}");
        assert_eq!(service.tenant(tenant.id).await.status, TenantStatus::Active);
    }
}

async fn stores_given_properties_and_keeps_the_others(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("growing").await;
    let body = TenantActivate {
        plan: Some("business".try_into().unwrap()),
        contract_start: date("2026-12-01"),
        contract_end: date("2027-11-30"),
        erp_customer_id: Some("D-4711".try_into().unwrap()),
    };
    let first = service.activate(tenant.id, body.clone()).await.unwrap();
    assert_eq!(
        json!([first.plan, first.erp_customer_id]),
        json!([body.plan, body.erp_customer_id])
    );
    assert_eq!(
        (first.contract_start, first.contract_end),
        (body.contract_start, body.contract_end)
    );

    let second = service
        .activate(tenant.id, contract(None, date("2028-11-30")))
        .await
        .unwrap();
    assert_eq!(second.contract_end, date("2028-11-30"));
    assert_eq!(
        (second.plan, second.contract_start, second.erp_customer_id),
        (first.plan, first.contract_start, first.erp_customer_id)
    );
}

async fn rejects_a_contract_that_ends_before_it_starts(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("dated").await;
    let backwards = contract(date("2027-01-02"), date("2027-01-01"));
    let message = assert_error(
        service.activate(tenant.id, backwards).await,
        400,
        ErrorCode::InvalidInput,
    );
    assert!(
        message.contains("contract_start") && message.contains("contract_end"),
        "{message}"
    );
    let one_day = contract(date("2027-01-01"), date("2027-01-01"));
    assert!(service.activate(tenant.id, one_day).await.is_ok());
}

async fn checks_given_dates_against_stored_ones(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("dated").await;
    service
        .activate(tenant.id, contract(date("2027-01-01"), None))
        .await
        .unwrap();
    let early_end = contract(None, date("2026-12-31"));
    assert_error(
        service.activate(tenant.id, early_end).await,
        400,
        ErrorCode::InvalidInput,
    );
    service
        .activate(tenant.id, contract(None, date("2027-06-30")))
        .await
        .unwrap();
    let late_start = contract(date("2027-07-01"), None);
    assert_error(
        service.activate(tenant.id, late_start).await,
        400,
        ErrorCode::InvalidInput,
    );
    let both_moved = contract(date("2027-07-01"), date("2027-12-31"));
    assert!(service.activate(tenant.id, both_moved).await.is_ok());
}

async fn a_rejected_activation_changes_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("untouched").await;
    let body = TenantActivate {
        plan: Some("business".try_into().unwrap()),
        ..contract(date("2027-01-02"), date("2027-01-01"))
    };
    assert_error(service.activate(tenant.id, body).await, 400, ErrorCode::InvalidInput);
    assert_eq!(service.tenant(tenant.id).await, tenant);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}

async fn repeating_an_activation_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("retried").await;
    let body = contract(date("2027-01-01"), date("2027-12-31"));
    let first = service.activate(tenant.id, body.clone()).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    assert_eq!(service.activate(tenant.id, body).await.unwrap(), first);
    assert_eq!(
        service.activate(tenant.id, TenantActivate::default()).await.unwrap(),
        first
    );
    assert_eq!(service.actions(tenant.id).await, ["tenant.created", "tenant.activated"]);
}

async fn ends_a_pending_cancellation(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("returning").await;
    let at_period_end = TenantCancel {
        at_period_end: true,
        ..TenantCancel::default()
    };
    service.cancel(tenant.id, at_period_end).await.unwrap();
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    service.clock.advance(TimeDelta::days(15));
    assert_eq!(service.tenant(tenant.id).await.status, TenantStatus::Active);
    let actions = service.actions(tenant.id).await;
    assert_eq!(actions, ["tenant.created", "tenant.cancelled", "tenant.activated"]);
}

async fn the_event_contains_what_changed(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("changed").await;
    service
        .activate(tenant.id, contract(None, date("2027-12-31")))
        .await
        .unwrap();
    let events = service.events(tenant.id).await;
    let metadata = events
        .last()
        .unwrap()
        .metadata
        .as_ref()
        .map(|it| it.parse::<Value>().unwrap());
    assert_eq!(
        metadata,
        Some(json!({ "previous_status": "trial", "contract_end": "2027-12-31" }))
    );
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    assert_error(
        service.activate(id, TenantActivate::default()).await,
        404,
        ErrorCode::NotFound,
    );
}

async fn a_day_is_in_the_years_0001_to_9999(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("dated").await;
    let path = format!("/v1/tenants/{}/activate", tenant.id);
    for day in ["0001-01-01", "9999-12-31"] {
        let response = service.raw.post_json(&path, &json!({ "contract_end": day })).await;
        assert_eq!(response.json::<Value>()["contract_end"], day, "{response:?}");
    }
    for day in ["0000-12-31", "-0001-01-01", "+10000-01-01", "10000-01-01"] {
        let response = service.raw.post_json(&path, &json!({ "contract_end": day })).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.contains("`contract_end`") && message.contains("in the years 0001 to 9999"),
            "{message}"
        );
    }
}
