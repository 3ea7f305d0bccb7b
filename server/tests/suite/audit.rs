//! Appending to the audit log, and the origin of its events.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::{AuditAppend, AuditEvent, AuditEventId, ErrorCode, ProjectId, TenantId};

cases![
    stores_given_properties,
    absent_properties_stay_absent,
    the_order_of_the_log_ignores_when_events_occurred,
    an_empty_list_of_targets_stays_empty,
    targets_and_times_of_events_are_checked,
    ids_increase,
    an_unknown_tenant_is_invalid_input,
    an_event_is_read_by_its_id,
    a_missing_event_is_not_found,
    an_id_is_a_positive_number,
    any_project_id_is_accepted,
    stores_the_address_and_user_agent_of_the_request,
    the_origin_tells_events_of_the_service_from_those_of_callers,
    ignores_forwarded_addresses_from_untrusted_peers,
    uses_the_forwarded_address_from_a_trusted_proxy,
    uses_the_first_untrusted_address_of_a_proxy_chain,
    other_operations_store_the_origin_too,
];

impl TestServer {
    async fn append(&self, action: &str) -> AuditEvent {
        let body = AuditAppend::new(action.try_into().unwrap());
        self.client.audit_append().body(body).send().await.unwrap().into_inner()
    }

    /// Appends an event with these `X-Forwarded-For` headers and returns its source address.
    async fn source_behind(&self, forwarded_for: &[&str]) -> Option<String> {
        let mut request = self
            .raw
            .request(Method::POST, "/v1/audit")
            .json(&json!({ "action": "a" }));
        for value in forwarded_for {
            request = request.header("x-forwarded-for", *value);
        }
        let event: AuditEvent = RawResponse::from_request(request).await.json();
        event.source_ip
    }
}

async fn stores_given_properties(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("reporting").await;
    let project_id: ProjectId = unknown_id();
    let given = json!({
        "tenant_id": tenant.id, "project_id": project_id, "actor_id": "user-17", "actor_name": "Ada 🦀",
        "actor_type": "person", "action": "report.exported", "target_id": "r-1", "target_type": "report",
        "target_name": "Q3\n\"final\"", "product": "reports", "occurred_at": "0001-01-01T00:00:00.000001Z",
        "targets": [
            { "id": "r-1", "type": "report", "name": "Q3\n\"final\" 🦀" },
            { "id": "", "type": "" },
            { "id": "r-1", "type": "report", "name": "" },
        ],
        "metadata": { "format": "pdf", "pages": 12, "nested": { "list": [1, null, true, "x", 0.25] }, "": "" },
    });
    let appended = service.raw.post_json("/v1/audit", &given).await;
    assert_eq!(appended.status, 201);
    let event: AuditEvent = appended.json();
    assert_eq!(event.created_at.get(), service.clock.now());
    assert_eq!(service.events(tenant.id).await.pop(), Some(event));
    let stored: Value = appended.json();
    for (name, value) in given.as_object().unwrap() {
        assert_eq!(&stored[name], value, "{name}");
    }
}

async fn absent_properties_stay_absent(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let request = service
        .raw
        .request(Method::POST, "/v1/audit")
        .json(&json!({ "action": "a" }));
    let event: Value = RawResponse::from_request(request).await.json();
    let mut names: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["action", "created_at", "id", "origin", "source_ip"]);
}

async fn the_order_of_the_log_ignores_when_events_occurred(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let times = [
        ("2026-11-23T09:30:00.5+01:00", "2026-11-23T08:30:00.500000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ];
    for (given, _) in times {
        let body = json!({ "action": "a", "occurred_at": given });
        let response = service.raw.post_json("/v1/audit", &body).await;
        assert_eq!(response.status, 201, "{response:?}");
    }
    let listed: Value = service.raw.get("/v1/audit").await.json();
    let occurred: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["occurred_at"].as_str().unwrap())
        .collect();
    let newest_first: Vec<_> = times.iter().rev().map(|(_, stored)| *stored).collect();
    assert_eq!(occurred, newest_first);
    // The filters of time are about when the service stored an event.
    let listed: Value = service.raw.get("/v1/audit?until=2000-01-01T00:00:00Z").await.json();
    assert_eq!(listed, json!({ "items": [] }));
}

async fn an_empty_list_of_targets_stays_empty(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = json!({ "action": "a", "targets": [] });
    let appended: Value = service.raw.post_json("/v1/audit", &body).await.json();
    assert_eq!(appended["targets"], json!([]));
    let listed: Value = service.raw.get("/v1/audit").await.json();
    assert_eq!(listed["items"], json!([appended]));
}

async fn targets_and_times_of_events_are_checked(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let target = json!({ "id": "r-1", "type": "report" });
    for (member, value, expected) in [
        (
            "targets",
            json!(vec![&target; 21]),
            "`targets`: must have at most 20 items",
        ),
        ("targets", json!([target, { "id": "r-2" }]), "`targets[1].type`"),
        (
            "targets",
            json!([{ "id": "r-2", "type": "report", "nam": "R" }]),
            "`targets[0].nam`",
        ),
        (
            "targets",
            json!([{ "id": "x".repeat(1025), "type": "report" }]),
            "`targets[0].id`",
        ),
        ("occurred_at", json!("2026-11-23"), "`occurred_at`"),
        ("occurred_at", json!("0000-12-31T23:59:59Z"), "`occurred_at`"),
        ("occurred_at", json!("9999-12-31T23:59:59-00:01"), "`occurred_at`"),
    ] {
        let body = json!({ "action": "a", member: value });
        let response = service.raw.post_json("/v1/audit", &body).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains(expected), "{message}");
    }
}

async fn ids_increase(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut last: Option<AuditEventId> = None;
    for _ in 0..5 {
        let event = service.append("tick").await;
        assert!(Some(event.id) > last);
        last = Some(event.id);
    }
}

async fn an_unknown_tenant_is_invalid_input(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let body = AuditAppend {
        tenant_id: Some(id),
        ..AuditAppend::new("a".try_into().unwrap())
    };
    let message = assert_error(
        service.client.audit_append().body(body).send().await,
        400,
        ErrorCode::InvalidInput,
    );
    assert!(message.contains("tenant_id"), "{message}");
    assert!(service.client.audit_list().send().await.unwrap().items.is_empty());
}

async fn an_event_is_read_by_its_id(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("reading").await;
    let body = json!({ "tenant_id": tenant.id, "action": "a", "metadata": { "n": 1e3, "text": "\u{0}" } });
    service.raw.post_json("/v1/audit", &body).await;
    // Events of the service and of callers, as they are listed.
    let listed: Value = service.raw.get("/v1/audit").await.json();
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    for event in listed {
        let read = service.raw.get(&format!("/v1/audit/{}", event["id"])).await;
        assert_eq!(read.status, 200);
        assert_eq!(&read.json::<Value>(), event);
        assert_eq!(read.header("cache-control"), "no-store");
    }
}

async fn a_missing_event_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let last = service.append("a").await.id.get();
    for id in [last + 1, i64::MAX] {
        let response = service.raw.get(&format!("/v1/audit/{id}")).await;
        let message = response.assert_error(404, ErrorCode::NotFound);
        assert!(message.contains(&id.to_string()), "{message}");
    }
}

async fn an_id_is_a_positive_number(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for id in ["0", "-1", "9223372036854775808", "1.0", "x", "%31x"] {
        let response = service.raw.get(&format!("/v1/audit/{id}")).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("`id`"), "{id}: {message}");
    }
}

async fn any_project_id_is_accepted(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = AuditAppend {
        project_id: Some(unknown_id()),
        ..AuditAppend::new("a".try_into().unwrap())
    };
    let event = service.client.audit_append().body(body.clone()).send().await.unwrap();
    assert_eq!(event.project_id, body.project_id);
}

async fn stores_the_address_and_user_agent_of_the_request(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let request = service
        .raw
        .request(Method::POST, "/v1/audit")
        .header("user-agent", "billing/2.3");
    let event: AuditEvent = RawResponse::from_request(request.json(&json!({ "action": "a" })))
        .await
        .json();
    assert_eq!(event.user_agent.as_deref(), Some("billing/2.3"));
}

async fn the_origin_tells_events_of_the_service_from_those_of_callers(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("traced").await;
    let created = service.api_key(tenant.id).await;
    let id = created.api_key.id;
    service.client.api_key_revoke().id(id).send().await.unwrap();
    let forged = json!({
        "tenant_id": tenant.id, "action": "api_key.revoked", "target_id": id, "target_type": "api_key",
        "actor_type": "service",
    });
    let appended = service.raw.post_json("/v1/audit", &forged).await;
    assert_eq!(appended.json::<Value>()["origin"], "caller");
    let path = format!("/v1/audit?tenant_id={}", tenant.id);
    let listed: Value = service.raw.get(&path).await.json();
    let origins: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["action"].as_str().unwrap(), event["origin"].as_str().unwrap()))
        .collect();
    assert_eq!(
        origins,
        [
            ("api_key.revoked", "caller"),
            ("api_key.revoked", "service"),
            ("api_key.created", "service"),
            ("tenant.created", "service"),
        ]
    );
    let mut chosen = forged;
    chosen["origin"] = "service".into();
    let response = service.raw.post_json("/v1/audit", &chosen).await;
    let message = response.assert_error(400, ErrorCode::InvalidInput);
    assert!(message.contains("`origin`"), "{message}");
}

async fn ignores_forwarded_addresses_from_untrusted_peers(store: StoreUnderTest) {
    let elsewhere = Settings {
        trusted_proxies: &["10.0.0.0/8"],
        ..Settings::default()
    };
    for service in [
        TestServer::start(store).await,
        TestServer::start_with(store, elsewhere).await,
    ] {
        assert_eq!(
            service.source_behind(&["203.0.113.7"]).await.as_deref(),
            Some("127.0.0.1")
        );
    }
}

async fn uses_the_forwarded_address_from_a_trusted_proxy(store: StoreUnderTest) {
    let here = Settings {
        trusted_proxies: &["127.0.0.1/32"],
        ..Settings::default()
    };
    let service = TestServer::start_with(store, here).await;
    let expected = [
        (vec!["203.0.113.7"], "203.0.113.7"),
        (vec!["203.0.113.7:8080"], "203.0.113.7"),
        (vec!["[2001:db8::7]:8080"], "2001:db8::7"),
        (vec![], "127.0.0.1"),
        (vec!["not an address"], "127.0.0.1"),
    ];
    for (forwarded_for, source) in expected {
        let found = service.source_behind(&forwarded_for).await;
        assert_eq!(found.as_deref(), Some(source), "{forwarded_for:?}");
    }
}

async fn uses_the_first_untrusted_address_of_a_proxy_chain(store: StoreUnderTest) {
    let chain = Settings {
        trusted_proxies: &["127.0.0.0/8", "10.0.0.0/8"],
        ..Settings::default()
    };
    let service = TestServer::start_with(store, chain).await;
    let lines: [&[&str]; 2] = [
        &["1.1.1.1, 203.0.113.7, 10.2.3.4"],
        &["1.1.1.1", "203.0.113.7", "10.2.3.4"],
    ];
    for forwarded_for in lines {
        assert_eq!(
            service.source_behind(forwarded_for).await.as_deref(),
            Some("203.0.113.7")
        );
    }
}

async fn other_operations_store_the_origin_too(store: StoreUnderTest) {
    let here = Settings {
        trusted_proxies: &["127.0.0.1/32"],
        ..Settings::default()
    };
    let service = TestServer::start_with(store, here).await;
    let tenant = service.customer("traced").await;
    let request = service
        .raw
        .request(Method::POST, &format!("/v1/tenants/{}/cancel", tenant.id));
    let request = request
        .header("user-agent", "billing/2.3")
        .header("x-forwarded-for", "203.0.113.7");
    assert_eq!(RawResponse::from_request(request).await.status, 200);
    let event = service.events(tenant.id).await.pop().unwrap();
    assert_eq!(event.source_ip.as_deref(), Some("203.0.113.7"));
    assert_eq!(event.user_agent.as_deref(), Some("billing/2.3"));
}
