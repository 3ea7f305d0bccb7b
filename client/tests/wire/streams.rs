//! Lists as streams.

use tenant_registry_client::TryStreamExt;
use tenant_registry_client::types::AuditEvent;

use crate::script::{Response, Script};

const TENANT_ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

/// A page of the audit log.
fn page(ids: &[i64], next: Option<i64>) -> String {
    let items: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({ "id": id, "action": "a", "created_at": "2026-11-23T09:30:00.000000Z" }))
        .collect();
    let mut page = serde_json::json!({ "items": items });
    if let Some(next) = next {
        page["next_cursor"] = next.into();
    }
    page.to_string()
}

fn ids(events: &[AuditEvent]) -> Vec<i64> {
    events.iter().map(|event| event.id.get()).collect()
}

#[tokio::test]
async fn a_stream_requests_each_page_when_it_is_needed() {
    let script = Script::start([]).await;
    script.then(200, page(&[5, 4], Some(4)));
    script.then(200, page(&[], Some(3)));
    script.then(200, page(&[2], None));
    let client = script.client();
    let mut events = client.audit_list().action("a").limit(2).stream();
    assert!(script.recorded().is_empty());
    for expected in [5, 4] {
        let event = events
            .try_next()
            .await
            .expect("the response is a page")
            .expect("an event");
        assert_eq!((event.id.get(), script.recorded().len()), (expected, 1));
    }
    let rest: Vec<AuditEvent> = events.try_collect().await.expect("the responses are pages");
    assert_eq!(ids(&rest), [2]);
    let lines: Vec<_> = script.recorded().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/audit?action=a&limit=2",
            "GET /v1/audit?action=a&cursor=4&limit=2",
            "GET /v1/audit?action=a&cursor=3&limit=2",
        ]
    );
}

#[tokio::test]
async fn a_stream_ends_after_an_error() {
    let script = Script::start([]).await;
    script.then(200, page(&[5], Some(4)));
    script.then(404, r#"{"error": "not_found", "message": "gone"}"#.to_owned());
    let client = script.client();
    let mut events = client.audit_list().stream();
    assert!(matches!(events.try_next().await, Ok(Some(_))));
    events.try_next().await.expect_err("the second page is an error");
    assert!(matches!(events.try_next().await, Ok(None)));
}

#[tokio::test]
async fn a_list_without_pages_is_a_stream_too() {
    let script = Script::start(std::array::from_fn::<_, 3, _>(|_| {
        Response::With(200, "", r#"{"items": []}"#)
    }))
    .await;
    let client = script.client();
    let keys: Vec<_> = client
        .api_key_list()
        .tenant_id(TENANT_ID)
        .stream()
        .try_collect()
        .await
        .expect("a list");
    let entitlements: Vec<_> = client
        .entitlement_list()
        .tenant_id(TENANT_ID)
        .stream()
        .try_collect()
        .await
        .expect("a list");
    let products: Vec<_> = client.catalog_list().stream().try_collect().await.expect("a list");
    assert_eq!((keys.len(), entitlements.len(), products.len()), (0, 0, 0));
    assert_eq!(script.recorded().len(), 3);
}
