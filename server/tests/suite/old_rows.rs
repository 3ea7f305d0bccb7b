//! Rows that were stored before contract 2.0, and are beyond its bounds.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::ServiceProcess;
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::Client;
use tenant_registry_client::types::ErrorCode;
use tokio_postgres::NoTls;

process_cases![
    ; postgres:
    rows_beyond_the_bounds_can_be_read_and_changed,
    tenants_that_share_an_external_id_can_be_changed,
];

/// The triggers are off, as they were when such rows were stored.
const ROWS: &str = "SET session_replication_role = replica; \
    INSERT INTO tenants (id, slug, name, status, kind, plan, sales_owner, created_at, updated_at) VALUES \
        ('0190b8a5-7b1c-7c3e-9d52-0242ac120002', 'old', 'n', 'active', 'customer', repeat('p', 3000), repeat('s', 5000), \
        now(), now()); \
    INSERT INTO tenant_products (tenant_id, product, enabled, config, created_at, updated_at) \
        SELECT id, repeat('p', 300), true, ('{\"a\": \"' || repeat('x', 100000) || '\"}')::json, now(), now() FROM tenants; \
    INSERT INTO api_keys (id, tenant_id, product, name, scopes, prefix, hash, created_by, created_at) \
        SELECT '0190b8a5-9f4e-7d21-8c11-0242ac120002', id, repeat('p', 300), 'n', \
        array_fill(repeat('s', 300), ARRAY[1000]), 'bp_12345678', 'argon2id|c2FsdA|aGFzaA', repeat('c', 5000), now() \
        FROM tenants; \
    INSERT INTO audit_log (tenant_id, actor_id, actor_name, action, target_name, product, metadata, user_agent, created_at) \
        SELECT id, repeat('i', 5000), repeat('n', 5000), repeat('a', 5000), repeat('t', 5000), repeat('p', 5000), \
        ('{\"big\" : ' || repeat('[', 124) || '1e400' || repeat(']', 124) || ', \"text\": \"' || repeat('x', 1000000) \
        || '\"}')::json, repeat('u', 5000), now() FROM tenants";

/// More than one page holds.
const MORE_EVENTS: &str = "INSERT INTO audit_log (action, metadata, created_at) \
    SELECT 'large', ('{\"a\": \"' || repeat('x', 1000000) || '\"}')::json, now() FROM generate_series(1, 6)";

/// Version 1.0.0 did not compare the ids of other systems.
const SHARED_IDS: &str = "SET session_replication_role = replica; \
    INSERT INTO tenants (id, slug, name, status, kind, plan, erp_customer_id, stripe_cust_id, created_at, updated_at) \
        SELECT ('0190b8a5-7b1c-7c3e-9d52-0242ac12000' || number)::uuid, 'twin-' || number, 'n', 'active', 'customer', 'p', \
        repeat('e', 5000), 'cus_1', now(), now() FROM generate_series(1, 2) AS number; \
    INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) VALUES \
        ('0190b8a5-7b1c-7c3e-9d52-0242ac120003', 'third', 'n', 'active', 'customer', 'p', now(), now())";

async fn tenants_that_share_an_external_id_can_be_changed() {
    let database = TestDatabase::create().await;
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(SHARED_IDS).await.unwrap();
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", database.url())).await;
    let patch = async |number: u8, body: Value| {
        let path = format!("/v1/tenants/0190b8a5-7b1c-7c3e-9d52-0242ac12000{number}");
        let request = process.raw.request(Method::PATCH, &path).json(&body);
        RawResponse::from_request(request).await
    };

    // In everything else, and to what is stored already.
    let response = patch(1, json!({ "plan": "business", "stripe_cust_id": "cus_1" })).await;
    assert_eq!(response.status, 200, "{response:?}");
    // No further tenant gets the id, as long as one of them has it.
    for number in [2, 1] {
        let response = patch(3, json!({ "stripe_cust_id": "cus_1" })).await;
        response.assert_error(409, ErrorCode::Conflict);
        let own = json!({ "stripe_cust_id": format!("cus_of_{number}"), "erp_customer_id": null });
        assert_eq!(patch(number, own).await.status, 200);
    }
    assert_eq!(patch(3, json!({ "stripe_cust_id": "cus_1" })).await.status, 200);
    // The event has no value that is too long for it.
    let page: Value = process.raw.get("/v1/audit?action=tenant.updated").await.json();
    let metadata = &page["items"][1]["metadata"];
    assert_eq!(
        metadata["changed"],
        json!(["erp_customer_id", "stripe_cust_id"]),
        "{page}"
    );
    process.stop().await;
}

async fn rows_beyond_the_bounds_can_be_read_and_changed() {
    let database = TestDatabase::create().await;
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(ROWS).await.unwrap();
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", database.url())).await;
    let registry = Client::builder(&format!("http://{}", process.address)).build().unwrap();

    let tenant = registry
        .tenant_get_by_slug()
        .slug("old")
        .send()
        .await
        .unwrap()
        .into_inner();
    assert_eq!(tenant.plan.as_str(), "p".repeat(3000));
    let activated = registry.tenant_activate().id(tenant.id).send().await.unwrap();
    assert_eq!(activated.sales_owner, tenant.sales_owner);
    let body = json!({ "contract_end": "2027-12-31" });
    let activated = process
        .raw
        .post_json(&format!("/v1/tenants/{}/activate", tenant.id), &body)
        .await;
    assert_eq!(activated.json::<Value>()["plan"], "p".repeat(3000));

    let entitlements = registry.entitlement_list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(entitlements.items[0].product.as_str(), "p".repeat(300));
    let config: Option<String> = entitlements.items[0].config.get("a").unwrap();
    assert_eq!(config, Some("x".repeat(100_000)));

    let keys = registry
        .api_key_list()
        .tenant_id(tenant.id)
        .send()
        .await
        .unwrap()
        .into_inner();
    assert_eq!(keys.items[0].scopes.len(), 1000);
    registry.api_key_revoke().id(keys.items[0].id).send().await.unwrap();

    let page = registry.audit_list().send().await.unwrap().into_inner();
    let event = page.items.last().unwrap();
    assert_eq!(event.actor_name.as_ref().unwrap().as_str(), "n".repeat(5000));
    let metadata = event.metadata.as_ref().unwrap();
    let start = format!("{{\"big\":{}1e400]", "[".repeat(124));
    assert!(metadata.as_str().starts_with(&start));
    assert_eq!(metadata.get::<String>("text").unwrap(), Some("x".repeat(1_000_000)));

    // Each event of a walk is seen once, although the pages are short.
    client.batch_execute(MORE_EVENTS).await.unwrap();
    let (mut pages, mut large, mut cursor) = (0, 0, None);
    loop {
        let mut list = registry.audit_list().limit(500);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        let page = list.send().await.unwrap().into_inner();
        pages += 1;
        large += page
            .items
            .iter()
            .filter(|event| event.action.as_str() == "large")
            .count();
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    // No page has room for two large events.
    assert_eq!((pages, large), (7, 6));

    // The history outlives the tenant, old events included.
    client.batch_execute("DELETE FROM tenants").await.unwrap();
    assert_eq!(process.raw.get("/v1/audit?limit=1").await.status, 200);
    process.stop().await;
}
