//! Concurrent appends. They share commits, but do not affect each other.

use crate::harness::cases::cases;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;
use tenant_registry_client::types::{ErrorCode, TenantId};
use uuid::Uuid;

cases![
    stores_each_event_once_with_increasing_ids_for_a_caller,
    an_invalid_event_does_not_affect_others,
    a_large_event_does_not_block_others,
];

const CALLERS: usize = 24;

async fn append(service: &TestServer, tag: &str, tenant_id: Option<TenantId>) -> RawResponse {
    let mut event = json!({ "action": "a.b", "target_id": tag, "metadata": { "tag": tag } });
    if let Some(tenant_id) = tenant_id {
        event["tenant_id"] = json!(tenant_id);
    }
    service.raw.post_json("/v1/audit", &event).await
}

/// The tags of all events in the order of the log.
async fn tags(service: &TestServer) -> Vec<String> {
    let page = service
        .client
        .audit_list()
        .action("a.b")
        .limit(500)
        .send()
        .await
        .unwrap();
    assert!(page.next_cursor.is_none());
    let tags = page.items.iter().map(|event| {
        let tag = event.target_id.as_ref().unwrap().to_string();
        let metadata = event.metadata.as_ref().unwrap();
        let in_metadata: Option<String> = metadata.get("tag").unwrap();
        assert_eq!(in_metadata, Some(tag.clone()), "the columns of two events are mixed");
        tag
    });
    tags.collect()
}

async fn stores_each_event_once_with_increasing_ids_for_a_caller(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    let callers = (0..CALLERS).map(async |caller| {
        let service = if caller % 2 == 0 { &one } else { &other };
        let mut last = 0;
        for number in 0..8 {
            let response = append(service, &format!("{caller}-{number}"), None).await;
            assert_eq!(response.status, 201, "{response:?}");
            let id = response.json::<Value>()["id"].as_i64().unwrap();
            assert!(id > last, "caller {caller}: {id} after {last}");
            last = id;
        }
    });
    join_all(callers).await;
    let tags = tags(&one).await;
    assert_eq!(tags.len(), CALLERS * 8);
    assert_eq!(tags.iter().collect::<HashSet<_>>().len(), tags.len());
}

async fn an_invalid_event_does_not_affect_others(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("known").await;
    let unknown = TenantId::from(Uuid::now_v7());
    let callers = (0..CALLERS).map(async |caller| {
        let mut good = Vec::new();
        for number in 0..4 {
            let tag = format!("{caller}-{number}");
            // Every fifth event is invalid.
            if (caller + number) % 5 == 0 {
                let message = append(&service, &tag, Some(unknown))
                    .await
                    .assert_error(400, ErrorCode::InvalidInput);
                assert!(message.contains("`tenant_id`"), "{message}");
            } else {
                let tenant_id = (number % 2 == 0).then_some(tenant.id);
                let response = append(&service, &tag, tenant_id).await;
                assert_eq!(response.status, 201, "{response:?}");
                good.push(tag);
            }
        }
        good
    });
    let mut good = join_all(callers).await.concat();
    let mut found = tags(&service).await;
    good.sort();
    found.sort();
    assert_eq!(found, good);
}

async fn a_large_event_does_not_block_others(store: StoreUnderTest) {
    let settings = Settings {
        body_limit: 2 * 1024 * 1024,
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let large = "ä".repeat(32_000);
    let callers = (0..CALLERS).map(async |caller| {
        let note = if caller % 3 == 0 { large.as_str() } else { "small" };
        let event = json!({ "action": "a.b", "metadata": { "caller": caller, "note": note } });
        let response = service.raw.post_json("/v1/audit", &event).await;
        assert_eq!(response.status, 201, "{response:?}");
        let stored: Value = response.json();
        assert_eq!(stored["metadata"], event["metadata"]);
    });
    join_all(callers).await;
    let page = service.raw.get("/v1/audit?limit=500").await.json::<Value>();
    assert_eq!(page["items"].as_array().unwrap().len(), CALLERS);
}
