//! Updating tenants with merge patches.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, StoreUnderTest, TestServer};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tenant_registry_client::types::{
    Date, ErrorCode, Patch, Tenant, TenantActivate, TenantCancel, TenantId, TenantStatus, TenantUpdate, Timestamp,
};

cases![
    changes_what_the_body_contains_and_nothing_else,
    null_clears_a_value,
    null_is_rejected_where_a_value_is_required,
    accepts_both_media_types_and_no_others,
    rejects_an_absent_or_invalid_body,
    the_same_state_changes_nothing_and_writes_no_event,
    the_event_names_what_changed_without_personal_data,
    an_archived_tenant_cannot_be_updated,
    a_contract_cannot_end_before_it_starts,
    a_trial_ends_in_the_future,
    only_a_trial_has_an_end_that_can_be_changed,
    a_pending_cancellation_keeps_its_time,
    an_external_id_belongs_to_one_tenant,
    an_external_id_can_be_used_again,
    empty_external_ids_need_not_be_unique,
    an_unknown_tenant_is_not_found,
];

const MERGE_PATCH: &str = "application/merge-patch+json";

async fn patch(service: &TestServer, id: TenantId, media_type: &str, body: &str) -> RawResponse {
    let request = service.raw.request(Method::PATCH, &format!("/v1/tenants/{id}"));
    RawResponse::from_request(request.header(CONTENT_TYPE, media_type).body(body.to_owned())).await
}

fn set<T: TryFrom<&'static str, Error: std::fmt::Debug>>(text: &'static str) -> Patch<T> {
    Patch::Set(T::try_from(text).unwrap())
}

fn date(text: &str) -> Patch<Date> {
    Patch::Set(text.parse().unwrap())
}

fn trial_until(end: DateTime<Utc>) -> TenantUpdate {
    TenantUpdate {
        trial_ends_at: Some(Timestamp::try_from(end).unwrap()),
        ..TenantUpdate::default()
    }
}

/// A patch of every property.
fn everything() -> TenantUpdate {
    TenantUpdate {
        name: Some("Renamed".try_into().unwrap()),
        plan: Some("business".try_into().unwrap()),
        sales_owner: set("Ada Lovelace"),
        erp_customer_id: set("D-4711"),
        stripe_cust_id: set("cus_1"),
        contract_start: date("2027-01-01"),
        contract_end: date("2027-12-31"),
        trial_ends_at: Some("2026-12-24T12:00:00Z".parse().unwrap()),
    }
}

/// The values of the properties that a patch can change.
fn values(tenant: &Tenant) -> Value {
    json!([
        tenant.name,
        tenant.plan,
        tenant.sales_owner,
        tenant.erp_customer_id,
        tenant.stripe_cust_id,
        tenant.contract_start,
        tenant.contract_end,
        tenant.trial_ends_at,
    ])
}

async fn changes_what_the_body_contains_and_nothing_else(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("growing").await;
    service.clock.advance(TimeDelta::minutes(1));
    let updated = service.update(tenant.id, everything()).await.unwrap();
    assert_eq!(
        values(&updated),
        json!([
            "Renamed",
            "business",
            "Ada Lovelace",
            "D-4711",
            "cus_1",
            "2027-01-01",
            "2027-12-31",
            "2026-12-24T12:00:00.000000Z"
        ])
    );
    assert_eq!(updated.updated_at.get(), service.clock.now());
    assert_eq!(
        (
            &updated.id,
            &updated.slug,
            &updated.status,
            &updated.kind,
            &updated.created_at
        ),
        (
            &tenant.id,
            &tenant.slug,
            &tenant.status,
            &tenant.kind,
            &tenant.created_at
        )
    );
    assert_eq!(service.tenant(tenant.id).await, updated);

    let one = TenantUpdate {
        contract_end: date("2028-12-31"),
        ..TenantUpdate::default()
    };
    let mut expected = updated;
    expected.contract_end = Some("2028-12-31".parse().unwrap());
    assert_eq!(service.update(tenant.id, one).await.unwrap(), expected);
}

async fn null_clears_a_value(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("cleared").await;
    let before = service.update(tenant.id, everything()).await.unwrap();
    let clear = TenantUpdate {
        sales_owner: Patch::Clear,
        erp_customer_id: Patch::Clear,
        stripe_cust_id: Patch::Clear,
        contract_start: Patch::Clear,
        contract_end: Patch::Clear,
        ..TenantUpdate::default()
    };
    let cleared = service.update(tenant.id, clear).await.unwrap();
    assert_eq!(
        values(&cleared),
        json!([
            before.name,
            before.plan,
            null,
            null,
            null,
            null,
            null,
            before.trial_ends_at
        ])
    );
    assert_eq!(service.tenant(tenant.id).await, cleared);
}

async fn null_is_rejected_where_a_value_is_required(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("named").await;
    for name in ["name", "plan", "trial_ends_at"] {
        let response = patch(&service, tenant.id, MERGE_PATCH, &json!({ name: null }).to_string()).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

async fn accepts_both_media_types_and_no_others(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("typed").await;
    for (number, media_type) in [
        MERGE_PATCH,
        "application/json",
        "Application/Merge-Patch+JSON; charset=utf-8",
        " application/merge-patch+json ",
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "name": format!("name {number}") });
        let response = patch(&service, tenant.id, media_type, &body.to_string()).await;
        assert_eq!(response.status, 200, "{media_type}: {response:?}");
        assert_eq!(response.json::<Value>()["name"], body["name"]);
    }
    let before = service.tenant(tenant.id).await;
    for media_type in [
        "application/json-patch+json",
        "text/plain",
        "application/merge-patch",
        "",
    ] {
        let response = patch(&service, tenant.id, media_type, r#"{"name":"other"}"#).await;
        let message = response.assert_error(415, ErrorCode::UnsupportedMediaType);
        assert!(
            message.contains("`Content-Type: application/merge-patch+json` or `application/json`"),
            "{message}"
        );
    }
    assert_eq!(service.tenant(tenant.id).await, before);
}

async fn rejects_an_absent_or_invalid_body(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("strict").await;
    for (body, part) in [
        ("", "the body is missing"),
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        (r#"{"slug":"other"}"#, "`slug`: unknown member"),
        (r#"{"stripe_cust":"x"}"#, "did you mean `stripe_cust_id`?"),
        (r#"{"name":1}"#, "`name`"),
        (r#"{"contract_end":"2027-1-1"}"#, "`contract_end`"),
        (r#"{"name":"a","name":"b"}"#, "`name`: is given more than once"),
    ] {
        let response = patch(&service, tenant.id, MERGE_PATCH, body).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains(part), "{body}: {message}");
    }
    let long = json!({ "name": "n".repeat(64 * 1024) }).to_string();
    let response = patch(&service, tenant.id, MERGE_PATCH, &long).await;
    response.assert_error(413, ErrorCode::PayloadTooLarge);
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

async fn the_same_state_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("retried").await;
    let first = service.update(tenant.id, everything()).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    assert_eq!(service.update(tenant.id, everything()).await.unwrap(), first);
    assert_eq!(service.update(tenant.id, TenantUpdate::default()).await.unwrap(), first);
    // The trial is over, but its end is the stored one.
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    service.clock.advance(TimeDelta::days(400));
    service.update(tenant.id, everything()).await.unwrap();
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "tenant.updated", "tenant.activated"]
    );
}

async fn the_event_names_what_changed_without_personal_data(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("observed").await;
    service.update(tenant.id, everything()).await.unwrap();
    let change = TenantUpdate {
        plan: Some("enterprise".try_into().unwrap()),
        sales_owner: Patch::Clear,
        erp_customer_id: Patch::Clear,
        ..TenantUpdate::default()
    };
    service.update(tenant.id, change).await.unwrap();
    let events = service.events(tenant.id).await;
    let metadata = |number: usize| -> Value { events[number].metadata.as_ref().unwrap().as_str().parse().unwrap() };
    assert_eq!(
        metadata(1),
        json!({
            "changed": [
                "name", "plan", "sales_owner", "erp_customer_id", "stripe_cust_id", "contract_start", "contract_end",
                "trial_ends_at"
            ],
            "old": {
                "plan": "starter", "erp_customer_id": null, "stripe_cust_id": null, "contract_start": null,
                "contract_end": null, "trial_ends_at": tenant.trial_ends_at
            },
            "new": {
                "plan": "business", "erp_customer_id": "D-4711", "stripe_cust_id": "cus_1",
                "contract_start": "2027-01-01", "contract_end": "2027-12-31",
                "trial_ends_at": "2026-12-24T12:00:00.000000Z"
            },
        })
    );
    assert_eq!(
        metadata(2),
        json!({
            "changed": ["plan", "sales_owner", "erp_customer_id"],
            "old": { "plan": "business", "erp_customer_id": "D-4711" },
            "new": { "plan": "enterprise", "erp_customer_id": null },
        })
    );
    let event = &events[1];
    assert_eq!(event.action.as_str(), "tenant.updated");
    assert_eq!(
        event.target_id.as_ref().map(|it| it.as_str()),
        Some(tenant.id.to_string().as_str())
    );
}

async fn an_archived_tenant_cannot_be_updated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.archived("gone").await;
    for body in [everything(), TenantUpdate::default()] {
        let message = assert_error(service.update(tenant.id, body).await, 409, ErrorCode::Conflict);
        assert!(message.contains("archived"), "{message}");
    }
    assert_eq!(service.tenant(tenant.id).await, tenant);
}

async fn a_contract_cannot_end_before_it_starts(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("dated").await;
    let dates = |start: Patch<Date>, end: Patch<Date>| TenantUpdate {
        contract_start: start,
        contract_end: end,
        ..TenantUpdate::default()
    };
    let backwards = dates(date("2027-01-02"), date("2027-01-01"));
    assert_error(service.update(tenant.id, backwards).await, 400, ErrorCode::InvalidInput);
    service
        .update(tenant.id, dates(date("2027-01-02"), Patch::Unchanged))
        .await
        .unwrap();
    // Stored dates count.
    let early = dates(Patch::Unchanged, date("2027-01-01"));
    let message = assert_error(service.update(tenant.id, early).await, 400, ErrorCode::InvalidInput);
    assert!(
        message.contains("contract_start") && message.contains("contract_end"),
        "{message}"
    );
    let moved = dates(Patch::Clear, date("2027-01-01"));
    let moved = service.update(tenant.id, moved).await.unwrap();
    assert_eq!(
        (moved.contract_start, moved.contract_end),
        (None, Some("2027-01-01".parse().unwrap()))
    );
}

async fn a_trial_ends_in_the_future(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("trying").await;
    let now = service.clock.now();
    for end in [now, now - TimeDelta::microseconds(1), now - TimeDelta::days(400)] {
        let message = assert_error(
            service.update(tenant.id, trial_until(end)).await,
            400,
            ErrorCode::InvalidInput,
        );
        assert!(
            message.contains("`trial_ends_at`") && message.contains("must be in the future"),
            "{message}"
        );
    }
    assert_eq!(service.tenant(tenant.id).await, tenant);
    for end in [now + TimeDelta::microseconds(1), now + TimeDelta::days(400)] {
        let updated = service.update(tenant.id, trial_until(end)).await.unwrap();
        assert_eq!(
            (updated.trial_ends_at.map(DateTime::from), updated.status.known()),
            (Some(end), Some(TenantStatus::Trial))
        );
    }
}

async fn only_a_trial_has_an_end_that_can_be_changed(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let demo = service.demo("demo").await;
    let active = service.customer("active").await;
    service.activate(active.id, TenantActivate::default()).await.unwrap();
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    let end = service.clock.now() + TimeDelta::days(30);
    for tenant in [demo.id, active.id, frozen.id] {
        let before = service.tenant(tenant).await;
        let message = assert_error(service.update(tenant, trial_until(end)).await, 409, ErrorCode::Conflict);
        assert!(message.contains("`trial_ends_at`"), "{message}");
        assert_eq!(service.tenant(tenant).await, before);
    }
}

async fn a_pending_cancellation_keeps_its_time(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("leaving").await;
    let at_period_end = TenantCancel {
        reason: None,
        at_period_end: true,
    };
    let pending = service.cancel(tenant.id, at_period_end).await.unwrap();
    let updated = service.update(tenant.id, everything()).await.unwrap();
    assert!(updated.cancel_at.is_some());
    assert_eq!((updated.cancel_at, updated.status), (pending.cancel_at, pending.status));
}

async fn an_external_id_belongs_to_one_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (owner, other) = (service.customer("owner").await, service.customer("other").await);
    service.update(owner.id, everything()).await.unwrap();
    let erp = TenantUpdate {
        erp_customer_id: set("D-4711"),
        ..TenantUpdate::default()
    };
    let stripe = TenantUpdate {
        name: Some("Not renamed".try_into().unwrap()),
        stripe_cust_id: set("cus_1"),
        ..TenantUpdate::default()
    };
    for (body, name) in [(erp, "erp_customer_id"), (stripe, "stripe_cust_id")] {
        let message = assert_error(service.update(other.id, body).await, 409, ErrorCode::Conflict);
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
    let activation = TenantActivate {
        erp_customer_id: Some("D-4711".try_into().unwrap()),
        ..TenantActivate::default()
    };
    let response = service.activate(other.id, activation.clone()).await;
    let message = assert_error(response, 409, ErrorCode::Conflict);
    assert!(message.contains("`erp_customer_id`"), "{message}");
    assert_eq!(service.tenant(other.id).await, other);
    assert_eq!(service.actions(other.id).await, ["tenant.created"]);
    // A tenant can be given its own again, and the ids are compared with those of their own kind.
    service.activate(owner.id, activation).await.unwrap();
    let swapped = TenantUpdate {
        erp_customer_id: set("cus_1"),
        stripe_cust_id: set("D-4711"),
        ..TenantUpdate::default()
    };
    service.update(other.id, swapped).await.unwrap();
}

async fn an_external_id_can_be_used_again(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (former, next) = (service.customer("former").await, service.customer("next").await);
    service.update(former.id, everything()).await.unwrap();
    let change = TenantUpdate {
        erp_customer_id: Patch::Clear,
        stripe_cust_id: set("cus_2"),
        ..TenantUpdate::default()
    };
    service.update(former.id, change).await.unwrap();
    service.update(next.id, everything()).await.unwrap();
}

async fn empty_external_ids_need_not_be_unique(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for slug in ["one", "two"] {
        let tenant = service.customer(slug).await;
        let body = TenantUpdate {
            erp_customer_id: set(""),
            stripe_cust_id: set(""),
            ..TenantUpdate::default()
        };
        service.update(tenant.id, body).await.unwrap();
    }
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let message = assert_error(service.update(id, everything()).await, 404, ErrorCode::NotFound);
    assert!(message.contains(&id.to_string()), "{message}");
}
