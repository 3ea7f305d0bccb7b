//! Errors and their contents.

use tenant_registry_client::types::{ApiKeyVerifyReason, ErrorCode, TenantId};
use tenant_registry_client::{Error, OpenEnum};

use crate::script::{Response, Script};

const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

/// The error of a request with this response.
async fn error_of(response: Response) -> Error {
    let script = Script::start([response]).await;
    let client = script.client();
    client.tenant_get().id(ID).send().await.expect_err("the request fails")
}

#[tokio::test]
async fn a_declared_error_has_code_message_and_request_id() {
    let headers = "x-request-id: 17\r\n";
    let body = r#"{"error": "not_found", "message": "no tenant has the id"}"#;
    let error = error_of(Response::With(404, headers, body)).await;
    assert_eq!(error.to_string(), "not_found (404 Not Found): no tenant has the id");
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert_eq!(error.request_id(), Some("17"));
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn an_undeclared_response_has_its_status() {
    let error = error_of(Response::With(418, "x-request-id: 17\r\n", "{}")).await;
    assert_eq!(
        error.to_string(),
        "unexpected response: the operation does not declare the status 418 I'm a teapot"
    );
    assert_eq!(error.request_id(), Some("17"));
    assert_eq!(error.code(), None);
}

#[tokio::test]
async fn an_invalid_body_is_not_printed() {
    let body = r#"{"api_key": {}, "plaintext": "bp_secret", "warning": ""}"#;
    let script = Script::start([Response::With(201, "", body)]).await;
    let tenant: TenantId = ID.parse().expect("it is an id");
    let name = "ci".try_into().expect("it is a name");
    let request = tenant_registry_client::types::ApiKeyCreate::new(tenant, name);
    let error = script.client().api_key_create().body(request).send().await;
    let error = error.expect_err("the body is no API key");
    assert!(matches!(error, Error::UnreadableBody(_)));
    let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
    assert!(!shown.contains("bp_secret"), "{shown}");
}

#[tokio::test]
async fn an_unreachable_service_is_retryable() {
    let script = Script::start([Response::HangUp, Response::HangUp, Response::HangUp]).await;
    let error = script
        .client()
        .health_get()
        .send()
        .await
        .expect_err("there is no response");
    assert!(matches!(error, Error::Connection(_)));
    assert!(error.is_retryable());
    assert_eq!(script.recorded().len(), 3);
}

#[test]
fn temporary_errors_differ_from_invalid_requests() {
    let worth: Vec<_> = ErrorCode::ALL.into_iter().filter(|it| it.is_retryable()).collect();
    assert_eq!(worth, [ErrorCode::RateLimited, ErrorCode::Unavailable]);
    let worth: Vec<_> = ApiKeyVerifyReason::ALL
        .into_iter()
        .filter(|it| it.is_retryable())
        .collect();
    assert_eq!(worth, [ApiKeyVerifyReason::Unavailable]);
}

#[tokio::test]
async fn an_unknown_error_code_is_a_value_and_its_status_decides() {
    for (status, is_retryable) in [(404, false), (429, true), (503, true)] {
        let body = r#"{"error": "of_the_future", "message": "a message"}"#;
        let busy = Response::With(status, "retry-after: 60\r\n", body);
        let error = error_of(busy).await;
        let response = error.response().expect("the service returned an error");
        assert_eq!(response.code, OpenEnum::Unknown("of_the_future".to_owned()));
        assert_eq!((error.code(), error.is_retryable()), (None, is_retryable), "{status}");
    }
}
