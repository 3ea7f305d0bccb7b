//! The settings of a client, and that its output contains no secret.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use tenant_registry_client::types::{ApiKeyCandidate, ApiKeyVerifyRequest};
use tenant_registry_client::{Client, Error};

use crate::script::{Response, Script, UNAVAILABLE};

const HEALTH: Response = Response::With(200, "", r#"{"status": "ok"}"#);

#[tokio::test]
async fn connections_are_reused() {
    let script = Script::start([HEALTH, HEALTH, HEALTH]).await;
    let client = script.client();
    for client in [client.clone(), client.clone(), client] {
        client.health_get().send().await.expect("the response is health");
    }
    let connections: Vec<usize> = script.recorded().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[tokio::test]
async fn a_request_can_be_sent_from_another_task() {
    let script = Script::start([HEALTH]).await;
    let client = script.client();
    let task = tokio::spawn(async move { client.health_get().send().await.map(|_| ()) });
    let outcome = task.await.expect("the task does not panic");
    outcome.expect("the response is health");
}

#[tokio::test]
async fn the_bearer_token_and_the_user_agent_are_sent() {
    let script = Script::start([HEALTH]).await;
    let client = script
        .builder()
        .bearer_token("secret-token")
        .user_agent("billing/2.3")
        .build()
        .expect("the settings are valid");
    client.health_get().send().await.expect("the response is health");
    let request = script.only();
    assert_eq!(request.header("authorization"), Some("Bearer secret-token"));
    assert_eq!(request.header("user-agent"), Some("billing/2.3"));
}

#[tokio::test]
async fn the_header_hook_is_called_for_each_attempt() {
    let unavailable = Response::With(503, "retry-after: 0\r\n", UNAVAILABLE);
    let script = Script::start([unavailable, HEALTH]).await;
    let attempts = AtomicUsize::new(0);
    let client = script
        .builder()
        .bearer_token("the first")
        .header_hook(move |headers| {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            let token = HeaderValue::from_str(&format!("Bearer {attempt}"));
            headers.insert(AUTHORIZATION, token.expect("a number is a token"));
        })
        .build()
        .expect("the settings are valid");
    client
        .readiness_get()
        .send()
        .await
        .expect("the second response is health");
    let tokens: Vec<_> = script
        .recorded()
        .iter()
        .map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(tokens, ["Bearer 0", "Bearer 1"].map(|token| Some(token.to_owned())));
}

#[tokio::test]
async fn an_attempt_ends_at_the_timeout() {
    let script = Script::start([Response::Silence]).await;
    let client = script
        .builder()
        .request_timeout(Duration::from_millis(50))
        .build()
        .expect("the settings are valid");
    // An operation that is not retried.
    let error = client
        .tenant_delete()
        .id("0190b8a5-7b1c-7c3e-9d52-0242ac120002")
        .send()
        .await
        .expect_err("there is no response");
    let Error::Connection(error) = error else {
        unreachable!("{error}");
    };
    assert!(error.is_timeout(), "{error:?}");
}

#[test]
fn debug_output_contains_no_secret() {
    let builder = Client::builder("http://127.0.0.1:1").bearer_token("secret-token");
    let shown = format!("{builder:?}");
    let client = builder.build().expect("the settings are valid");
    let key = ApiKeyCandidate::from("bp_secret-key");
    let request = client.api_key_verify().body(ApiKeyVerifyRequest::new(key));
    for shown in [shown, format!("{client:?}"), format!("{request:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn an_invalid_base_url_is_rejected_and_not_printed() {
    let cases = [
        ("registry.example.com", "it must be a URL such as"),
        ("ftp://registry.example.com", "it must start with"),
        ("https://registry.example.com/?a=b", "it must not contain `?`"),
        (
            "https://user:password@registry.example.com",
            "it must not contain credentials",
        ),
    ];
    for (base_url, reason) in cases {
        let error = Client::new(base_url).expect_err("the URL is not valid").to_string();
        assert!(error.starts_with(&format!("invalid base URL: {reason}")), "{error}");
        assert!(!error.contains("password"), "{error}");
    }
    let error = Client::builder("http://127.0.0.1:1").bearer_token("a\nb").build();
    let error = error.expect_err("a header has one line").to_string();
    assert_eq!(
        error,
        "the bearer token contains characters that are not allowed in a header"
    );
}
