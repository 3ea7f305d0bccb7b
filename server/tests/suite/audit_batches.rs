//! Appending several audit events in one request.

use crate::harness::cases::cases;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::ErrorCode;
use uuid::Uuid;

cases![
    events_are_appended_in_order,
    a_batch_has_from_1_to_500_events,
    an_invalid_event_is_named_and_nothing_is_appended,
    events_with_an_unknown_tenant_are_named_and_nothing_is_appended,
    a_response_has_at_most_4_mib,
    batches_and_single_events_do_not_affect_each_other,
    a_repeated_batch_is_appended_once,
];

async fn append(service: &TestServer, events: &[Value]) -> RawResponse {
    service
        .raw
        .post_json("/v1/audit/batch", &json!({ "events": events }))
        .await
}

fn items(response: &RawResponse) -> Vec<Value> {
    assert_eq!(response.status, 201, "{response:?}");
    let body: Value = response.json();
    body["items"].as_array().unwrap().clone()
}

/// The whole log, oldest first.
async fn log(service: &TestServer) -> Vec<Value> {
    let page: Value = service.raw.get("/v1/audit?limit=500").await.json();
    assert!(page.get("next_cursor").is_none());
    let mut events = page["items"].as_array().unwrap().clone();
    events.reverse();
    events
}

async fn events_are_appended_in_order(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("batching").await;
    let before = log(&service).await;
    let events = [
        json!({
            "tenant_id": tenant.id, "actor_id": "user-17", "actor_name": "Ada", "action": "report.exported",
            "target_id": "r-1", "targets": [{ "id": "r-1", "type": "report" }], "product": "insights",
            "occurred_at": "2026-11-23T09:29:58.000000Z", "metadata": { "n": 1 },
        }),
        json!({ "action": "a" }),
        json!({ "tenant_id": tenant.id, "action": "a" }),
    ];
    let request = service.raw.request(Method::POST, "/v1/audit/batch");
    let request = request
        .header("user-agent", "billing/2.3")
        .json(&json!({ "events": events }));
    let appended = items(&RawResponse::from_request(request).await);
    assert_eq!(appended.len(), events.len());
    for (stored, given) in appended.iter().zip(&events) {
        for (name, value) in given.as_object().unwrap() {
            assert_eq!(&stored[name], value, "{name}");
        }
        for (name, value) in [
            ("origin", "caller"),
            ("user_agent", "billing/2.3"),
            ("source_ip", "127.0.0.1"),
        ] {
            assert_eq!(stored[name], value, "{name}");
        }
        assert_eq!(stored["created_at"], appended[0]["created_at"]);
    }
    assert_eq!(log(&service).await, [before, appended].concat());
    // An event of a batch has the same members as a single event.
    let single = service.raw.post_json("/v1/audit", &events[0]).await.text;
    let mut batch: Value = append(&service, &events[..1]).await.json();
    let mut single: Value = serde_json::from_str(&single).unwrap();
    for event in [&mut batch["items"][0], &mut single] {
        event.as_object_mut().unwrap().remove("id");
    }
    assert_eq!(batch, json!({ "items": [single] }));
}

async fn a_batch_has_from_1_to_500_events(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let event = json!({ "action": "a" });
    for count in [0, 501] {
        let response = append(&service, &vec![event.clone(); count]).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.starts_with("`events`: must have at "), "{message}");
        assert_eq!(log(&service).await, [] as [Value; 0]);
    }
    let appended = items(&append(&service, &vec![event; 500]).await);
    assert_eq!(appended.len(), 500);
    assert_eq!(log(&service).await, appended);
}

async fn an_invalid_event_is_named_and_nothing_is_appended(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let events = [
        json!({ "action": "a" }),
        json!({ "action": "b", "product": "x".repeat(257) }),
        json!({ "actoin": "c" }),
    ];
    let response = append(&service, &events).await;
    response.assert_error(400, ErrorCode::InvalidInput);
    let body: Value = response.json();
    let fields: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["events[1].product", "events[2].actoin", "events[2].action"]);
    assert_eq!(log(&service).await, [] as [Value; 0]);
}

async fn events_with_an_unknown_tenant_are_named_and_nothing_is_appended(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("known").await;
    let before = log(&service).await;
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let events = [
        json!({ "action": "a", "tenant_id": tenant.id }),
        json!({ "action": "a", "tenant_id": one }),
        json!({ "action": "a" }),
        json!({ "action": "a", "tenant_id": other }),
        json!({ "action": "a", "tenant_id": one }),
    ];
    let response = append(&service, &events).await;
    let message = response.assert_error(400, ErrorCode::InvalidInput);
    assert_eq!(
        message,
        "`events[1].tenant_id`: no tenant has this id (2 more in `errors`)"
    );
    let error =
        |place: usize| json!({ "field": format!("events[{place}].tenant_id"), "message": "no tenant has this id" });
    assert_eq!(
        response.json::<Value>()["errors"],
        json!([error(1), error(3), error(4)])
    );
    let message = append(&service, &events[..2])
        .await
        .assert_error(400, ErrorCode::InvalidInput);
    assert_eq!(message, "`events[1].tenant_id`: no tenant has this id");
    assert_eq!(log(&service).await, before);
}

async fn a_response_has_at_most_4_mib(store: StoreUnderTest) {
    let settings = Settings {
        body_limit: 8 * 1024 * 1024,
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let event = json!({ "action": "large", "metadata": { "a": "x".repeat(65_000) } });
    let response = append(&service, &vec![event.clone(); 65]).await;
    let message = response.assert_error(413, ErrorCode::PayloadTooLarge);
    assert!(message.contains("4194304 bytes"), "{message}");
    assert_eq!(log(&service).await, [] as [Value; 0]);
    let response = append(&service, &vec![event; 64]).await;
    assert!(response.text.len() <= 4 * 1024 * 1024, "{}", response.text.len());
    assert_eq!(items(&response).len(), 64);
}

async fn batches_and_single_events_do_not_affect_each_other(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    let tenant = one.customer("busy").await;
    let callers = (0..16).map(async |caller: usize| {
        let service = [&one, &other][caller % 2];
        let mut appended = Vec::new();
        for number in 0..4 {
            let tag = |place: usize| format!("{caller}-{number}-{place}");
            let event = |place: usize| json!({ "action": "a.b", "tenant_id": tenant.id, "target_id": tag(place) });
            let mut events: Vec<Value> = (0..7).map(event).collect();
            if caller % 4 < 2 {
                let stored = items(&append(service, &events).await);
                assert!(
                    stored
                        .windows(2)
                        .all(|pair| pair[0]["id"].as_i64() < pair[1]["id"].as_i64()),
                    "{stored:?}"
                );
                let tags: Vec<_> = stored.iter().map(|event| event["target_id"].clone()).collect();
                assert_eq!(tags, (0..7).map(tag).map(Value::from).collect::<Vec<_>>());
                appended.extend(stored);
                // The same events, of which one has no tenant.
                events[3]["tenant_id"] = json!(Uuid::now_v7());
                append(service, &events)
                    .await
                    .assert_error(400, ErrorCode::InvalidInput);
            } else {
                let response = service.raw.post_json("/v1/audit", &events[0]).await;
                assert_eq!(response.status, 201, "{response:?}");
                appended.push(response.json());
            }
        }
        appended
    });
    let mut appended = join_all(callers).await.concat();
    let mut stored = log(&one).await;
    stored.retain(|event| event["action"] == "a.b");
    let id = |event: &Value| event["id"].as_i64();
    appended.sort_by_key(id);
    stored.sort_by_key(id);
    assert_eq!(stored, appended);
}

async fn a_repeated_batch_is_appended_once(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    let events = vec![json!({ "action": "a" }); 3];
    let callers = (0..12).map(async |caller: usize| {
        let service = [&one, &other][caller % 2];
        let request = service.raw.request(Method::POST, "/v1/audit/batch");
        let request = request
            .header("Idempotency-Key", "once")
            .json(&json!({ "events": events }));
        RawResponse::from_request(request).await
    });
    let responses = join_all(callers).await;
    let log = log(&one).await;
    assert_eq!(log.len(), 3);
    for response in responses {
        // The others ran while the first one did.
        if response.status == 409 {
            assert!(response.headers.contains_key("retry-after"), "{response:?}");
        } else {
            assert_eq!(items(&response), log);
        }
    }
}
