//! Parameters: validated and encoded before sending.

use chrono::{DateTime, Utc};

use crate::script::{Response, Script, TENANT};

#[tokio::test]
async fn query_parameters_are_sent_if_set() {
    let page = Response::With(200, "", r#"{"items": [], "next_cursor": 17}"#);
    let script = Script::start([page.clone(), page]).await;
    let client = script.client();
    client.audit_list().send().await.expect("the response is a page");
    let since: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().expect("a time");
    let page = client
        .audit_list()
        .tenant_id("0190b8a5-7b1c-7c3e-9d52-0242ac120002")
        .action("a b&c=ä")
        .since(since)
        .limit(2)
        .cursor(18)
        .send()
        .await
        .expect("the response is a page");
    assert_eq!(page.next_cursor.map(i64::from), Some(17));
    let recorded = script.recorded();
    assert_eq!(recorded[0].line, "GET /v1/audit");
    assert_eq!(
        recorded[1].line,
        "GET /v1/audit?action=a+b%26c%3D%C3%A4&cursor=18&limit=2&since=2026-11-01T00%3A00%3A00.000000Z\
         &tenant_id=0190b8a5-7b1c-7c3e-9d52-0242ac120002"
    );
}

#[tokio::test]
async fn an_invalid_value_is_not_sent() {
    let script = Script::start([]).await;
    let error = script
        .client()
        .tenant_get_by_slug()
        .slug("No Slug")
        .send()
        .await
        .expect_err("the slug is not valid");
    let message = error.to_string();
    assert!(message.starts_with("invalid request: `slug`: must match"), "{message}");
    assert!(script.recorded().is_empty());
}

#[tokio::test]
async fn a_base_url_can_have_a_path_and_a_trailing_slash() {
    let script = Script::start([Response::With(200, "", TENANT)]).await;
    let client = script.at("/registry/").build().expect("the settings are valid");
    client
        .tenant_get_by_slug()
        .slug("acme")
        .send()
        .await
        .expect("the response is a tenant");
    assert_eq!(script.only().line, "GET /registry/v1/tenants/by-slug/acme");
}
