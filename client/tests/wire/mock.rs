//! The mock of the service.

use tenant_registry_client::Client;
use tenant_registry_client::mock::MockServerExt;
use tenant_registry_client::types::{ErrorCode, Tenant, TenantId, TenantSlug};

use crate::script::TENANT;

#[tokio::test]
async fn a_program_can_be_tested_with_the_mock() {
    let server = httpmock::MockServer::start_async().await;
    let tenant: Tenant = serde_json::from_str(TENANT).expect("it is a tenant");
    let slug: TenantSlug = "acme".parse().expect("it is a slug");
    let found = server.tenant_get_by_slug(|when, then| {
        when.slug(&slug);
        then.ok(&tenant);
    });
    let id: TenantId = "0190b8a5-7b1c-7c3e-9d52-0242ac120003".parse().expect("it is an id");
    server.tenant_get(|when, then| {
        when.id(&id);
        let body = serde_json::json!({ "error": "not_found", "message": "no tenant has the id" });
        then.not_found(&serde_json::from_value(body).expect("it is an error"));
    });
    let client = Client::new(&server.base_url()).expect("the URL is valid");
    let response = client
        .tenant_get_by_slug()
        .slug(slug.clone())
        .send()
        .await
        .expect("the response is a tenant");
    assert_eq!(*response, tenant);
    found.assert();
    let error = client.tenant_get().id(id).send().await.expect_err("there is no tenant");
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
}
