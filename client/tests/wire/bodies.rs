//! Optional and required bodies.

use tenant_registry_client::OpenEnum;
use tenant_registry_client::types::{
    ApiKeyVerify, Patch, TenantActivate, TenantCancel, TenantKind, TenantStatus, TenantUpdate,
};

use crate::script::{Response, Script, TENANT};

const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

#[tokio::test]
async fn an_unset_optional_body_is_absent() {
    let script = Script::start([Response::With(200, "", TENANT), Response::With(200, "", TENANT)]).await;
    let client = script.client();
    client
        .tenant_activate()
        .id(ID)
        .send()
        .await
        .expect("the response is a tenant");
    client
        .tenant_cancel()
        .id(ID)
        .send()
        .await
        .expect("the response is a tenant");
    for (request, operation) in script.recorded().iter().zip(["activate", "cancel"]) {
        assert_eq!(request.line, format!("POST /v1/tenants/{ID}/{operation}"));
        assert_eq!(request.body, "");
        assert_eq!(request.header("content-type"), None);
        assert!(matches!(request.header("content-length"), None | Some("0")));
    }
}

#[tokio::test]
async fn an_optional_body_is_sent_if_set() {
    let script = Script::start([Response::With(200, "", TENANT), Response::With(200, "", TENANT)]).await;
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
        .expect("the response is a tenant");
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
        .expect("the response is a tenant");
    let bodies = [r#"{"plan":"pro"}"#, r#"{"at_period_end":true}"#];
    for (request, body) in script.recorded().iter().zip(bodies) {
        assert_eq!(request.body, body);
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_merge_patch_distinguishes_absent_null_and_a_value() {
    let script = Script::start([Response::With(200, "", TENANT)]).await;
    let update = TenantUpdate {
        sales_owner: Patch::Clear,
        stripe_cust_id: Patch::Set("cus_1".try_into().expect("it is an id")),
        ..TenantUpdate::default()
    };
    let request = script.client().tenant_update().id(ID).body(update.clone()).send().await;
    request.expect("the response is a tenant");
    let request = &script.recorded()[0];
    assert_eq!(request.line, format!("PATCH /v1/tenants/{ID}"));
    assert_eq!(request.header("content-type"), Some("application/merge-patch+json"));
    assert_eq!(request.body, r#"{"sales_owner":null,"stripe_cust_id":"cus_1"}"#);
    let read: TenantUpdate = serde_json::from_str(&request.body).expect("it was written by the client");
    assert_eq!(read, update);
}

#[tokio::test]
async fn a_missing_required_body_is_rejected_before_sending() {
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

#[tokio::test]
async fn an_unknown_enum_value_is_a_value() {
    let tenant = TENANT.replace("\"active\"", "\"dormant\"").leak();
    let script = Script::start([Response::With(200, "", tenant)]).await;
    let tenant = script.client().tenant_get().id(ID).send().await;
    let tenant = tenant.expect("the response is a tenant").into_inner();
    assert_eq!(tenant.status, OpenEnum::Unknown("dormant".to_owned()));
    assert_eq!(
        (tenant.status.known(), tenant.status.to_string().as_str()),
        (None, "dormant")
    );
    assert!(tenant.status != TenantStatus::Active && tenant.kind == TenantKind::Customer);
    // Written as it was read.
    let json = serde_json::to_value(&tenant).expect("a tenant is JSON");
    assert_eq!(
        (&json["status"], &json["kind"]),
        (&"dormant".into(), &"customer".into())
    );
    let verified: ApiKeyVerify =
        serde_json::from_str(r#"{"valid": false, "reason": "suspended"}"#).expect("the body has the required members");
    assert_eq!(verified.reason, Some(OpenEnum::Unknown("suspended".to_owned())));
    // A value that a request contains is still checked.
    assert!(TenantStatus::try_from("dormant").is_err());
    serde_json::from_str::<ApiKeyVerify>(r#"{"valid": false, "reason": 7}"#).expect_err("the reason is a text");
}
