//! Retries: only if they are safe, and limited.

use std::time::Duration;

use tenant_registry_client::types::{ErrorCode, TenantCreate};
use tenant_registry_client::{Client, Error, RetryPolicy};

use crate::script::{Recorded, Response, Script, TENANT, UNAVAILABLE};

const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";
const FOUND: Response = Response::With(200, "", TENANT);
const CREATED: Response = Response::With(201, "", TENANT);
const BUSY: Response = Response::With(503, "retry-after: 0\r\n", UNAVAILABLE);
const BAD_GATEWAY: Response = Response::With(502, "", "<html>");

async fn get(client: &Client) -> Result<(), Error> {
    client.tenant_get().id(ID).send().await.map(|_| ())
}

async fn create(client: &Client) -> Result<(), Error> {
    let slug = "acme".try_into().expect("it is a slug");
    let name = "Acme GmbH".try_into().expect("it is a name");
    let body = TenantCreate::new(slug, name);
    client.tenant_create().body(body).send().await.map(|_| ())
}

#[tokio::test]
async fn retries_every_operation_if_the_service_is_busy() {
    let script = Script::start([BUSY, BUSY, FOUND, BUSY, BUSY, CREATED]).await;
    let client = script.client();
    get(&client).await.expect("the third response is a tenant");
    create(&client).await.expect("the third response is a tenant");
    let recorded = script.recorded();
    assert_eq!(recorded.len(), 6);
    assert!(
        recorded[3..]
            .iter()
            .all(|it| it.body == recorded[3].body && !it.body.is_empty())
    );
}

#[tokio::test]
async fn returns_the_last_response() {
    let script = Script::start([BUSY, BUSY, BUSY]).await;
    let error = get(&script.client()).await.expect_err("the request fails");
    assert_eq!(error.code(), Some(ErrorCode::Unavailable));
    assert_eq!(script.recorded().len(), 3);
}

#[tokio::test]
async fn retries_after_a_broken_connection_if_that_is_safe() {
    let script = Script::start([Response::HangUp, BAD_GATEWAY, FOUND]).await;
    get(&script.client()).await.expect("the third response is a tenant");
    assert_eq!(script.recorded().len(), 3);

    let script = Script::start([Response::HangUp, Response::HangUp, FOUND]).await;
    let revoke = script.client();
    revoke
        .tenant_activate()
        .id(ID)
        .send()
        .await
        .expect("the third response is a tenant");
    assert_eq!(script.recorded().len(), 3);
}

#[tokio::test]
async fn retries_a_post_with_the_same_key() {
    let running = Response::With(
        409,
        "retry-after: 0\r\n",
        r#"{"error": "conflict", "message": "it is running"}"#,
    );
    for response in [
        Response::HangUp,
        BAD_GATEWAY,
        Response::With(503, "", "<html>"),
        running,
    ] {
        let script = Script::start([response, CREATED, CREATED]).await;
        let client = script.client();
        create(&client).await.expect("the second response is a tenant");
        create(&client).await.expect("the third response is a tenant");
        let recorded = script.recorded();
        let [first, second, other] = recorded.as_slice() else {
            panic!("{} requests", recorded.len());
        };
        let key = |request: &Recorded| request.header("idempotency-key").map(str::to_owned);
        assert_eq!(key(first), key(second));
        assert!(key(first).is_some());
        assert_ne!(key(first), key(other), "another request has another key");
    }
}

#[tokio::test]
async fn sends_the_key_of_the_caller() {
    let script = Script::start([FOUND]).await;
    let client = script.client();
    let activate = client.tenant_activate().id(ID).idempotency_key("my-key");
    activate.send().await.expect("the response is a tenant");
    assert_eq!(script.only().header("idempotency-key"), Some("my-key"));
}

#[tokio::test]
async fn does_not_retry_after_a_broken_connection_if_that_is_unsafe() {
    for response in [Response::HangUp, BAD_GATEWAY, Response::With(503, "", "<html>")] {
        let script = Script::start([response]).await;
        let client = script.client();
        client
            .tenant_delete()
            .id(ID)
            .send()
            .await
            .expect_err("the request fails");
        let recorded = script.recorded();
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].header("idempotency-key"), None);
    }
}

#[tokio::test]
async fn does_not_retry_if_retry_after_exceeds_the_limit() {
    let later = Response::With(503, "retry-after: 2\r\n", UNAVAILABLE);
    let script = Script::start([later]).await;
    let error = get(&script.client()).await.expect_err("the request fails");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    assert_eq!(script.recorded().len(), 1);
}

#[tokio::test]
async fn does_not_retry_a_declared_error() {
    let not_found = Response::With(404, "", r#"{"error": "not_found", "message": "no tenant"}"#);
    let script = Script::start([not_found]).await;
    let error = get(&script.client()).await.expect_err("there is no tenant");
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert_eq!(script.recorded().len(), 1);
}

#[tokio::test]
async fn without_retries_returns_the_first_response() {
    let script = Script::start([BUSY]).await;
    let policy = RetryPolicy {
        retries: 0,
        ..RetryPolicy::default()
    };
    let client = script.builder().retry(policy).build().expect("the settings are valid");
    get(&client).await.expect_err("the request fails");
    assert_eq!(script.recorded().len(), 1);
}
