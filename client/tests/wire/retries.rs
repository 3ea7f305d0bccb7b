//! Retries: where they cannot do harm, and not without end.

use std::time::Duration;

use tenant_registry_client::types::{ErrorCode, TenantCreate};
use tenant_registry_client::{Client, Error, RetryPolicy};

use crate::script::{Answer, Script, TENANT, UNAVAILABLE};

const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";
const FOUND: Answer = Answer::With(200, "", TENANT);
const CREATED: Answer = Answer::With(201, "", TENANT);
const BUSY: Answer = Answer::With(503, "retry-after: 0\r\n", UNAVAILABLE);
const BAD_GATEWAY: Answer = Answer::With(502, "", "<html>");

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
async fn a_busy_service_is_asked_again_for_any_operation() {
    let script = Script::start([BUSY, BUSY, FOUND, BUSY, BUSY, CREATED]).await;
    let client = script.client();
    get(&client).await.expect("the third answer is a tenant");
    create(&client).await.expect("the third answer is a tenant");
    let recorded = script.recorded();
    assert_eq!(recorded.len(), 6);
    assert!(
        recorded[3..]
            .iter()
            .all(|it| it.body == recorded[3].body && !it.body.is_empty())
    );
}

#[tokio::test]
async fn the_last_answer_counts() {
    let script = Script::start([BUSY, BUSY, BUSY]).await;
    let error = get(&script.client()).await.expect_err("no answer is a tenant");
    assert_eq!(error.code(), Some(ErrorCode::Unavailable));
    assert_eq!(script.recorded().len(), 3);
}

#[tokio::test]
async fn a_broken_connection_is_repeated_where_that_changes_nothing() {
    let script = Script::start([Answer::HangUp, BAD_GATEWAY, FOUND]).await;
    get(&script.client()).await.expect("the third answer is a tenant");
    assert_eq!(script.recorded().len(), 3);

    let script = Script::start([Answer::HangUp, Answer::HangUp, FOUND]).await;
    let revoke = script.client();
    revoke
        .tenant_activate()
        .id(ID)
        .send()
        .await
        .expect("the third answer is a tenant");
    assert_eq!(script.recorded().len(), 3);
}

#[tokio::test]
async fn a_broken_connection_is_final_where_repeating_could_do_harm() {
    for answer in [Answer::HangUp, BAD_GATEWAY, Answer::With(503, "", "<html>")] {
        let script = Script::start([answer]).await;
        create(&script.client()).await.expect_err("no answer is a tenant");
        assert_eq!(script.recorded().len(), 1);
    }
}

#[tokio::test]
async fn a_service_that_asks_for_more_patience_than_allowed_is_left_alone() {
    let later = Answer::With(503, "retry-after: 2\r\n", UNAVAILABLE);
    let script = Script::start([later]).await;
    let error = get(&script.client()).await.expect_err("no answer is a tenant");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    assert_eq!(script.recorded().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let refused = Answer::With(404, "", r#"{"error": "not_found", "message": "no tenant"}"#);
    let script = Script::start([refused]).await;
    let error = get(&script.client()).await.expect_err("there is no tenant");
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert_eq!(script.recorded().len(), 1);
}

#[tokio::test]
async fn without_retries_the_first_answer_counts() {
    let script = Script::start([BUSY]).await;
    let policy = RetryPolicy {
        retries: 0,
        ..RetryPolicy::default()
    };
    let client = script
        .builder()
        .retry(policy)
        .build()
        .expect("the client is set up right");
    get(&client).await.expect_err("the answer is no tenant");
    assert_eq!(script.recorded().len(), 1);
}
