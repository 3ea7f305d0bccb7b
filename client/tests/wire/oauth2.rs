//! Access tokens by OAuth 2.0 client credentials.

use tenant_registry_client::oauth2::{ClientCredentials, Registration};
use tenant_registry_client::{Client, Error};

use crate::script::{Response, Script};

const HEALTH: Response = Response::With(200, "", r#"{"status": "ok"}"#);

fn metadata(issuer: &str, token_endpoint: &str) -> String {
    serde_json::json!({ "issuer": issuer, "token_endpoint": token_endpoint }).to_string()
}

fn token(token: &str, expires_in: u32) -> String {
    serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in }).to_string()
}

/// A script that has returned the metadata of an issuer.
async fn issuer() -> Script {
    let script = Script::start([]).await;
    let url = script.base_url.clone();
    script.then(200, metadata(&url, &format!("{url}/token")));
    script
}

fn source(issuer: &Script) -> ClientCredentials {
    let registration = Registration::new("billing").secret("client-secret");
    ClientCredentials::new(&issuer.base_url, registration).scopes(["tenants:read", "audit:read"])
}

fn client(service: &Script, issuer: &Script) -> Client {
    let builder = service.builder().token_source(source(issuer));
    builder.build().expect("the settings are valid")
}

async fn error_of(issuer: &Script) -> Error {
    let service = Script::start([]).await;
    let error = client(&service, issuer).health_get().send().await;
    assert!(service.recorded().is_empty());
    error.expect_err("there is no token")
}

#[tokio::test]
async fn a_token_is_requested_once_and_renewed_before_it_expires() {
    let issuer = issuer().await;
    // The first token is too old at once.
    issuer.then(200, token("first", 0));
    issuer.then(200, token("second", 3600));
    let service = Script::start([HEALTH, HEALTH, HEALTH, HEALTH]).await;
    let client = client(&service, &issuer);
    client.health_get().send().await.expect("the response is health");
    let all = tokio::join!(
        client.health_get().send(),
        client.health_get().send(),
        client.health_get().send()
    );
    all.0.and(all.1).and(all.2).expect("the responses are health");
    for request in service.recorded() {
        assert_eq!(request.header("authorization"), Some("Bearer second"));
    }
    let requests = issuer.recorded();
    let lines: Vec<_> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /.well-known/openid-configuration", "POST /token", "POST /token"]
    );
    assert_eq!(
        requests[1].body,
        "grant_type=client_credentials&scope=tenants%3Aread+audit%3Aread"
    );
    // `billing:client-secret` in base64.
    assert_eq!(
        requests[1].header("authorization"),
        Some("Basic YmlsbGluZzpjbGllbnQtc2VjcmV0")
    );
}

#[tokio::test]
async fn a_rejected_client_is_an_error_that_is_not_retryable() {
    let issuer = issuer().await;
    issuer.then(
        401,
        r#"{"error": "invalid_client", "error_description": "who are you"}"#.to_owned(),
    );
    let error = error_of(&issuer).await;
    assert!(matches!(error, Error::Token(_)) && !error.is_retryable(), "{error:?}");
    let cause = std::error::Error::source(&error).expect("the reason").to_string();
    assert!(
        cause.contains("invalid_client") && cause.contains("who are you"),
        "{cause}"
    );
}

#[tokio::test]
async fn an_unavailable_issuer_is_an_error_that_is_retryable() {
    let broken = issuer().await;
    broken.then(503, "<html>".to_owned());
    assert!(error_of(&broken).await.is_retryable());
    let script = Script::start([Response::HangUp]).await;
    assert!(error_of(&script).await.is_retryable());
}

#[tokio::test]
async fn a_response_of_the_issuer_is_never_quoted() {
    let issuer = issuer().await;
    issuer.then(200, r#"{"access_token": "secret-token"}"#.to_owned());
    let error = error_of(&issuer).await;
    let shown = format!("{error} {error:?} {:?}", source(&issuer));
    assert!(
        !shown.contains("secret-token") && !shown.contains("client-secret"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_secret_is_not_sent_over_plain_http() {
    let registration = Registration::new("billing").secret("client-secret");
    let service = Script::start([]).await;
    let source = ClientCredentials::new("http://sso.example.com", registration);
    let client = service
        .builder()
        .token_source(source)
        .build()
        .expect("the settings are valid");
    let error = client
        .health_get()
        .send()
        .await
        .expect_err("the issuer is not confidential");
    assert!(format!("{error:?}").contains("NotConfidential"), "{error:?}");

    // An issuer on this machine must not send the secret elsewhere either, be it by its metadata or by a redirect.
    let issuer = Script::start([]).await;
    let url = issuer.base_url.clone();
    issuer.then(200, metadata(&url, "http://sso.example.com/token"));
    let error = error_of(&issuer).await;
    assert!(format!("{error:?}").contains("NotConfidential"), "{error:?}");
    let redirecting = self::issuer().await;
    redirecting.then(307, String::new());
    assert!(!error_of(&redirecting).await.is_retryable());
    assert_eq!(redirecting.recorded().len(), 2);
}

#[tokio::test]
async fn an_issuer_with_another_name_is_rejected() {
    let script = Script::start([]).await;
    script.then(
        200,
        metadata("https://sso.example.com", "https://sso.example.com/token"),
    );
    let error = error_of(&script).await;
    assert!(format!("{error:?}").contains("OtherIssuer"), "{error:?}");
}
