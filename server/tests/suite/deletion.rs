//! Deleting tenants.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::ServiceProcess;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::Error;
use tenant_registry_client::types::{
    ApiKeyVerifyReason, ErrorCode, Patch, Tenant, TenantActivate, TenantCancel, TenantId, TenantUpdate,
};
use tokio_postgres::NoTls;

cases![
    everything_but_the_events_goes_with_the_tenant,
    the_events_remain_without_the_tenant,
    the_event_of_the_deletion_names_the_tenant,
    only_an_archived_tenant_can_be_deleted,
    a_second_deletion_finds_nothing,
    the_slug_and_the_external_ids_can_be_used_again,
    nothing_can_be_added_to_a_deleted_tenant,
    no_replica_verifies_a_key_of_a_deleted_tenant,
    an_unknown_tenant_is_not_found,
];

impl TestServer {
    async fn delete(&self, id: TenantId) -> Result<(), Error> {
        self.client.tenant_delete().id(id).send().await.map(|_| ())
    }
}

/// An archived tenant with a key, an entitlement, a project and external ids.
async fn archived(service: &TestServer, slug: &str) -> (Tenant, String) {
    let tenant = service.customer(slug).await;
    let ids = TenantUpdate {
        erp_customer_id: Patch::Set("4711".try_into().unwrap()),
        stripe_cust_id: Patch::Set("cus_1".try_into().unwrap()),
        ..TenantUpdate::default()
    };
    service.update(tenant.id, ids).await.unwrap();
    let key = service.api_key(tenant.id).await;
    let trial = json!({ "tenant_id": tenant.id, "product": "insights" });
    let started = service.raw.post_json("/v1/catalog/trial-request", &trial).await;
    assert_eq!(started.status, 201, "{started:?}");
    let project = json!({ "tenant_id": tenant.id, "slug": "website", "name": "Website" });
    let project = service.raw.post_json("/v1/projects", &project).await;
    assert_eq!(project.status, 201, "{project:?}");
    let tenant = service.archive(tenant.id).await.unwrap();
    (tenant, key.plaintext.expose_secret().to_owned())
}

async fn everything_but_the_events_goes_with_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, key) = archived(&service, "gone").await;
    let id = tenant.id;
    let keys: Value = service.raw.get(&format!("/v1/api-keys?tenant_id={id}")).await.json();
    let key_id = keys["items"][0]["id"].as_str().unwrap().to_owned();
    let log: Value = service.raw.get("/v1/audit?action=project.created").await.json();
    let project_id = log["items"][0]["target_id"].as_str().unwrap().to_owned();
    service.delete(id).await.unwrap();
    for path in [
        format!("/v1/tenants/{id}"),
        "/v1/tenants/by-slug/gone".to_owned(),
        format!("/v1/entitlements?tenant_id={id}"),
        format!("/v1/api-keys?tenant_id={id}"),
        format!("/v1/api-keys/{key_id}"),
        format!("/v1/projects/{project_id}"),
    ] {
        service.raw.get(&path).await.assert_error(404, ErrorCode::NotFound);
    }
    let verified = service.verify(&key).await;
    assert_eq!(
        (verified.valid, verified.reason),
        (false, Some(ApiKeyVerifyReason::Unknown.into()))
    );
}

async fn the_events_remain_without_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let other = service.customer("other").await;
    let others = service.events(other.id).await;
    let (tenant, _) = archived(&service, "gone").await;
    let mut before: Value = service.raw.get("/v1/audit?limit=500").await.json();
    for event in before["items"].as_array_mut().unwrap() {
        if event["tenant_id"] == json!(tenant.id) {
            event.as_object_mut().unwrap().remove("tenant_id");
        }
    }
    service.delete(tenant.id).await.unwrap();
    let mut after: Value = service.raw.get("/v1/audit?limit=500").await.json();
    let deletion = after["items"].as_array_mut().unwrap().remove(0);
    assert_eq!(deletion["action"], "tenant.deleted");
    assert_eq!(after, before);
    assert_eq!(service.events(tenant.id).await, []);
    assert_eq!(service.events(other.id).await, others);
    for event in before["items"].as_array().unwrap() {
        let read: Value = service.raw.get(&format!("/v1/audit/{}", event["id"])).await.json();
        assert_eq!(&read, event);
    }
}

async fn the_event_of_the_deletion_names_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, _) = archived(&service, "named").await;
    service.delete(tenant.id).await.unwrap();
    let log: Value = service.raw.get("/v1/audit?limit=1").await.json();
    let event = &log["items"][0];
    assert!(event.get("tenant_id").is_none(), "{event}");
    assert_eq!(
        json!([
            event["action"],
            event["target_type"],
            event["target_id"],
            event["origin"],
            event["metadata"]
        ]),
        json!(["tenant.deleted", "tenant", tenant.id, "service", { "slug": "named" }])
    );
}

async fn only_an_archived_tenant_can_be_deleted(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let trial = service.customer("trial").await;
    let demo = service.demo("demo").await;
    let active = service.customer("active").await;
    service.activate(active.id, TenantActivate::default()).await.unwrap();
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    for id in [trial.id, demo.id, active.id, frozen.id] {
        let before = (service.tenant(id).await, service.events(id).await);
        let message = assert_error(service.delete(id).await, 409, ErrorCode::Conflict);
        assert!(message.contains("archive it first"), "{message}");
        assert_eq!((service.tenant(id).await, service.events(id).await), before);
    }
}

async fn a_second_deletion_finds_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, _) = archived(&service, "gone").await;
    service.delete(tenant.id).await.unwrap();
    let message = assert_error(service.delete(tenant.id).await, 404, ErrorCode::NotFound);
    assert!(message.contains(&tenant.id.to_string()), "{message}");
    let log: Value = service.raw.get("/v1/audit?action=tenant.deleted").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
}

async fn the_slug_and_the_external_ids_can_be_used_again(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (former, _) = archived(&service, "wanted").await;
    service.delete(former.id).await.unwrap();
    let (next, _) = archived(&service, "wanted").await;
    assert_ne!(next.id, former.id);
}

async fn nothing_can_be_added_to_a_deleted_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, _) = archived(&service, "gone").await;
    service.delete(tenant.id).await.unwrap();
    for (path, body, status) in [
        ("/v1/api-keys", json!({ "tenant_id": tenant.id, "name": "n" }), 404),
        (
            "/v1/projects",
            json!({ "tenant_id": tenant.id, "slug": "website", "name": "n" }),
            404,
        ),
        (
            "/v1/catalog/request",
            json!({ "tenant_id": tenant.id, "product": "insights" }),
            404,
        ),
        ("/v1/audit", json!({ "tenant_id": tenant.id, "action": "a.b" }), 400),
    ] {
        let response = service.raw.post_json(path, &body).await;
        assert_eq!(response.status, status, "{path}: {response:?}");
    }
    assert_error(
        service.update(tenant.id, TenantUpdate::default()).await,
        404,
        ErrorCode::NotFound,
    );
}

async fn no_replica_verifies_a_key_of_a_deleted_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = service.customer("gone").await;
    let key = service.api_key(tenant.id).await.plaintext;
    for service in [&service, &replica] {
        assert!(service.verify(key.expose_secret()).await.valid);
    }
    service.archive(tenant.id).await.unwrap();
    service.delete(tenant.id).await.unwrap();
    for service in [&replica, &service] {
        let reason = service.verify(key.expose_secret()).await.reason;
        assert_eq!(reason, Some(ApiKeyVerifyReason::Unknown.into()));
    }
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    assert_error(service.delete(id).await, 404, ErrorCode::NotFound);
}

/// The cases of the background task, which only the Postgres store needs.
pub(crate) fn process_cases() -> Vec<libtest_mimic::Trial> {
    background::cases()
}

mod background {
    use super::{ErrorCode, Method, NoTls, RawResponse, ServiceProcess, TestDatabase, Value, json, until};
    use crate::harness::cases::process_cases;
    use crate::harness::distribution::distribute;

    process_cases![
        ; postgres:
        events_are_without_their_tenant_before_the_task_has_cleared_them,
        another_replica_finishes_after_a_crash,
        distributed_events_are_cleared_too,
    ];

    /// The task fails as long as the function has another name.
    const PAUSE: &str = "ALTER FUNCTION audit_log_clear_deleted_tenant(integer) RENAME TO paused";
    const RESUME: &str = "ALTER FUNCTION paused(integer) RENAME TO audit_log_clear_deleted_tenant";

    const EVENTS: i64 = 1_700;

    async fn connect(database: &TestDatabase) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn serve(database: &TestDatabase) -> ServiceProcess {
        ServiceProcess::serve(&|command| command.env("DATABASE_URL", database.url())).await
    }

    /// Deletes a tenant with many events, and returns its id.
    async fn deleted(process: &ServiceProcess, client: &tokio_postgres::Client) -> String {
        let body = json!({ "slug": "crowded", "name": "n" });
        let tenant: Value = process.raw.post_json("/v1/tenants", &body).await.json();
        let id = tenant["id"].as_str().unwrap().to_owned();
        let events = format!(
            "INSERT INTO audit_log (tenant_id, action, created_at) SELECT '{id}', 'many', now() FROM generate_series(1, {EVENTS})"
        );
        client.batch_execute(&events).await.unwrap();
        let archived = process.raw.post(&format!("/v1/tenants/{id}/archive"), "").await;
        assert_eq!(archived.status, 200, "{archived:?}");
        let request = process.raw.request(Method::DELETE, &format!("/v1/tenants/{id}"));
        let response = RawResponse::from_request(request).await;
        assert_eq!(response.status, 204, "{response:?}");
        id
    }

    async fn events_with_a_tenant(client: &tokio_postgres::Client) -> i64 {
        let count = "SELECT (SELECT count(*) FROM audit_log WHERE tenant_id IS NOT NULL) \
                         + (SELECT count(*) FROM audit_log_distributed WHERE tenant_id IS NOT NULL)";
        client.query_one(count, &[]).await.unwrap().get(0)
    }

    async fn until_cleared(client: &tokio_postgres::Client) {
        until("the events have no tenant", async || {
            (events_with_a_tenant(client).await == 0).then_some(())
        })
        .await;
        until("no deleted tenant is left", async || {
            let left = client.query("SELECT FROM deleted_tenants", &[]).await.unwrap();
            left.is_empty().then_some(())
        })
        .await;
    }

    /// What the API shows of the events.
    async fn assert_shown_without_the_tenant(process: &ServiceProcess, id: &str) {
        for path in [
            "/v1/audit?limit=500".to_owned(),
            "/v1/audit?limit=3".to_owned(),
            "/v1/audit?action=many&limit=500".to_owned(),
        ] {
            let page: Value = process.raw.get(&path).await.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() > 2, "{path}: {page}");
            assert!(items.iter().all(|event| event.get("tenant_id").is_none()), "{path}");
        }
        let path = format!("/v1/audit?tenant_id={id}");
        assert_eq!(process.raw.get(&path).await.text, r#"{"items":[]}"#);
    }

    async fn events_are_without_their_tenant_before_the_task_has_cleared_them() {
        let database = TestDatabase::create().await;
        let client = connect(&database).await;
        let process = serve(&database).await;
        client.batch_execute(PAUSE).await.unwrap();
        let id = deleted(&process, &client).await;
        // The event of its creation, those added, and that of its archiving.
        assert_eq!(events_with_a_tenant(&client).await, EVENTS + 2);
        assert_shown_without_the_tenant(&process, &id).await;
        let event = json!({ "action": "late", "tenant_id": id });
        let late = process.raw.post_json("/v1/audit", &event).await;
        late.assert_error(400, ErrorCode::InvalidInput);

        client.batch_execute(RESUME).await.unwrap();
        until_cleared(&client).await;
        assert_shown_without_the_tenant(&process, &id).await;
        process.stop().await;
    }

    async fn another_replica_finishes_after_a_crash() {
        let database = TestDatabase::create().await;
        let client = connect(&database).await;
        let process = serve(&database).await;
        client.batch_execute(PAUSE).await.unwrap();
        deleted(&process, &client).await;
        // The process ends before it has cleared anything, and others find a part of the work done.
        drop(process);
        client.batch_execute(RESUME).await.unwrap();
        let row = client
            .query_one("SELECT audit_log_clear_deleted_tenant(700)", &[])
            .await;
        assert_eq!(row.unwrap().get::<_, Option<i32>>(0), Some(700));
        assert_eq!(events_with_a_tenant(&client).await, EVENTS + 2 - 700);
        let others = [serve(&database).await, serve(&database).await];
        until_cleared(&client).await;
        for process in others {
            process.stop().await;
        }
    }

    async fn distributed_events_are_cleared_too() {
        let database = TestDatabase::create().await;
        let client = connect(&database).await;
        let process = serve(&database).await;
        client.batch_execute(PAUSE).await.unwrap();
        deleted(&process, &client).await;
        process.stop().await;
        // 200 events stay in audit_log. An interrupted `distribute` has left one in both tables.
        let last: i64 = client
            .query_one("SELECT max(id) FROM audit_log", &[])
            .await
            .unwrap()
            .get(0);
        let in_both = format!(
            "INSERT INTO audit_log_distributed \
             SELECT *, floor(extract(epoch FROM created_at) / 604800) FROM audit_log WHERE id = {}",
            last - 100
        );
        distribute(&client, &format!("id <= {}", last - 200)).await;
        client.batch_execute(&in_both).await.unwrap();
        let left = async || -> (i64, i64) {
            let left = "SELECT (SELECT count(*) FROM audit_log WHERE tenant_id IS NOT NULL) \
                            + (SELECT count(*) FROM audit_log_distributed WHERE tenant_id IS NOT NULL), \
                        (SELECT count(*) FROM deleted_tenants)";
            let row = client.query_one(left, &[]).await.unwrap();
            (row.get(0), row.get(1))
        };
        let step = async || -> Option<i32> {
            let row = client
                .query_one("SELECT audit_log_clear_deleted_tenant(500)", &[])
                .await;
            row.unwrap().get(0)
        };
        // The events of the creation and of the archiving as well, and one twice.
        let all = EVENTS + 3;
        assert_eq!(left().await, (all, 1));
        client.batch_execute(RESUME).await.unwrap();

        let distribute = connect(&database).await;
        let lock = "SELECT pg_advisory_lock('audit_log_distributed'::regclass::bigint)";
        distribute.batch_execute(lock).await.unwrap();
        assert_eq!(step().await, None, "waits until `distribute` has ended");
        assert_eq!(left().await, (all, 1));
        distribute
            .batch_execute("SELECT pg_advisory_unlock_all()")
            .await
            .unwrap();

        for (cleared, rest) in [(500, all - 500), (500, all - 1_000), (500, all - 1_500), (203, 0)] {
            assert_eq!((step().await, left().await), (Some(cleared), (rest, 1)));
        }
        assert_eq!((step().await, left().await), (Some(0), (0, 0)));
        assert_eq!(step().await, None);
        let count = "SELECT count(*) FROM audit_log_distributed WHERE action = 'many'";
        let kept: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        assert!(kept > EVENTS - 200, "{kept}");
    }
}
