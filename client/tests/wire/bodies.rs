//! Bodies: an optional one that is not set is absent on the wire.

use tenant_registry_client::types::{TenantActivate, TenantCancel};

use crate::script::{Answer, Script, TENANT};

const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

#[tokio::test]
async fn an_optional_body_that_is_not_set_is_absent() {
    let script = Script::start([Answer::With(200, "", TENANT), Answer::With(200, "", TENANT)]).await;
    let client = script.client();
    client
        .tenant_activate()
        .id(ID)
        .send()
        .await
        .expect("the answer is a tenant");
    client
        .tenant_cancel()
        .id(ID)
        .send()
        .await
        .expect("the answer is a tenant");
    for (request, operation) in script.recorded().iter().zip(["activate", "cancel"]) {
        assert_eq!(request.line, format!("POST /v1/tenants/{ID}/{operation}"));
        assert_eq!(request.body, "");
        assert_eq!(request.header("content-type"), None);
        assert!(matches!(request.header("content-length"), None | Some("0")));
    }
}

#[tokio::test]
async fn an_optional_body_that_is_set_is_sent() {
    let script = Script::start([Answer::With(200, "", TENANT), Answer::With(200, "", TENANT)]).await;
    let client = script.client();
    let activate = TenantActivate {
        plan: Some("pro".try_into().expect("it is a plan")),
        contract_start: None,
        contract_end: None,
        erp_customer_id: None,
    };
    client
        .tenant_activate()
        .id(ID)
        .body(activate)
        .send()
        .await
        .expect("the answer is a tenant");
    let cancel = TenantCancel {
        reason: None,
        at_period_end: true,
    };
    client
        .tenant_cancel()
        .id(ID)
        .body(cancel)
        .send()
        .await
        .expect("the answer is a tenant");
    let bodies = [r#"{"plan":"pro"}"#, r#"{"at_period_end":true}"#];
    for (request, body) in script.recorded().iter().zip(bodies) {
        assert_eq!(request.body, body);
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_required_body_that_is_not_set_is_refused_before_anything_is_sent() {
    let script = Script::start([]).await;
    let error = script
        .client()
        .tenant_create()
        .send()
        .await
        .expect_err("the body is missing");
    assert_eq!(error.to_string(), "invalid request: `body` is missing");
    assert!(script.recorded().is_empty());
}
