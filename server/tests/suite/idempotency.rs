//! Requests with an `Idempotency-Key`: a repeated one changes nothing and gets the response to the first.

use crate::admission::access_with;
use crate::harness::cases::cases;
use crate::harness::issuer::{TestIssuer, TokenRequest};
use crate::harness::openapi::SPEC;
use crate::harness::polling::until;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use futures_util::future::{join_all, select};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::pin::pin;
use tenant_registry_client::types::{ErrorCode, Tenant, TenantActivate, TenantCancel, TenantStatus};

cases![
    every_operation_repeats_its_response,
    a_key_is_the_same_with_and_without_quotes,
    a_malformed_key_is_rejected,
    another_request_with_the_same_key_is_rejected,
    the_key_of_another_operation_is_another_key,
    the_key_of_another_caller_is_another_key,
    a_request_waits_for_the_first_one_with_its_key,
    many_requests_with_one_key_have_one_effect,
    errors_are_not_repeated,
    the_response_of_an_unchanged_record_is_repeated,
    deleting_a_tenant_deletes_its_responses,
    an_old_response_is_deleted,
];

/// The number of concurrent requests.
const MANY: usize = 12;

/// A request of an operation that takes a key.
struct Keyed {
    operation: &'static str,
    path: String,
    body: Value,
    /// The status of a success.
    status: u16,
}

impl Keyed {
    async fn send(&self, service: &TestServer, key: &str) -> RawResponse {
        send(service, &self.path, &self.body, key).await
    }

    /// Expects the response to a repeated request.
    #[track_caller]
    fn assert_repeated(&self, first: &RawResponse, repeated: &RawResponse) {
        if matches!(self.operation, "api_key_create" | "api_key_rotate") {
            let message = repeated.assert_error(409, ErrorCode::Conflict);
            let created: Value = first.json();
            for member in ["id", "prefix"] {
                let value = created["api_key"][member].as_str().unwrap();
                assert!(message.contains(value), "{message}");
            }
            assert!(!repeated.headers.contains_key("retry-after"), "{repeated:?}");
        } else {
            assert_eq!(
                (repeated.status, &repeated.text),
                (self.status, &first.text),
                "{}",
                self.operation
            );
            assert_eq!(repeated.header("idempotency-replayed"), "true");
            assert_eq!(repeated.headers.get("etag"), first.headers.get("etag"));
        }
    }
}

async fn send(service: &TestServer, path: &str, body: &Value, key: &str) -> RawResponse {
    let request = service.raw.request(Method::POST, path).json(body);
    RawResponse::from_request(request.header("Idempotency-Key", key)).await
}

/// A request of each operation that takes a key, which changes something.
async fn requests(service: &TestServer) -> Vec<Keyed> {
    let activated = service.customer("activated").await.id;
    let cancelled = service.customer("cancelled").await.id;
    let archived = service.customer("archived").await.id;
    let tenant = service.customer("curious").await.id;
    let api_key = service.api_key(tenant).await;
    let keyed = |operation, path: &str, body, status| Keyed {
        operation,
        path: path.to_owned(),
        body,
        status,
    };
    let wanted = json!({ "tenant_id": tenant, "product": "insights" });
    let requests = vec![
        keyed(
            "tenant_create",
            "/v1/tenants",
            json!({ "slug": "created", "name": "n" }),
            201,
        ),
        keyed(
            "tenant_activate",
            &format!("/v1/tenants/{activated}/activate"),
            json!({ "plan": "team" }),
            200,
        ),
        keyed(
            "tenant_cancel",
            &format!("/v1/tenants/{cancelled}/cancel"),
            json!({ "reason": "too dear" }),
            200,
        ),
        keyed(
            "project_create",
            "/v1/projects",
            json!({ "tenant_id": tenant, "slug": "created", "name": "n" }),
            201,
        ),
        keyed(
            "tenant_archive",
            &format!("/v1/tenants/{archived}/archive"),
            Value::Null,
            200,
        ),
        keyed("catalog_request", "/v1/catalog/request", wanted.clone(), 202),
        keyed("catalog_trial_request", "/v1/catalog/trial-request", wanted, 201),
        keyed(
            "api_key_create",
            "/v1/api-keys",
            json!({ "tenant_id": tenant, "name": "ci" }),
            201,
        ),
        keyed(
            "api_key_rotate",
            &format!("/v1/api-keys/{}/rotate", api_key.api_key.id),
            json!({}),
            201,
        ),
        keyed(
            "audit_append_batch",
            "/v1/audit/batch",
            json!({ "events": [{ "tenant_id": tenant, "action": "report.exported" }] }),
            201,
        ),
        keyed(
            "audit_append",
            "/v1/audit",
            json!({ "tenant_id": tenant, "action": "report.exported" }),
            201,
        ),
    ];
    let objects = SPEC.operation_objects();
    let takes_key = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters
            .map(|it| SPEC.resolve(it))
            .any(|it| it["name"] == "Idempotency-Key")
    };
    let declared: BTreeSet<_> = objects
        .iter()
        .filter(|(_, _, operation)| takes_key(operation))
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    let tested: BTreeSet<_> = requests.iter().map(|request| request.operation).collect();
    assert_eq!(tested, declared);
    requests
}

impl TestServer {
    /// The number of events in the log.
    async fn event_count(&self) -> usize {
        let page = self.client.audit_list().limit(500).send().await.unwrap();
        page.items.len()
    }
}

async fn every_operation_repeats_its_response(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    for request in requests(&service).await {
        let before = service.event_count().await;
        let first = request.send(&service, "key").await;
        assert_eq!(first.status, request.status, "{first:?}");
        assert!(!first.headers.contains_key("idempotency-replayed"), "{first:?}");
        for server in [&service, &replica] {
            request.assert_repeated(&first, &request.send(server, "key").await);
        }
        assert_eq!(service.event_count().await, before + 1, "{}", request.operation);
    }
}

async fn a_key_is_the_same_with_and_without_quotes(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let longest = "k".repeat(255);
    for (number, (one, same)) in [
        ("a-key", r#""a-key""#),
        (r"a\b", r#""a\\b""#),
        (r#"a"b"#, r#""a\"b""#),
        (&longest, &format!("\"{longest}\"")),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "slug": format!("quoted-{number}"), "name": "n" });
        let first = send(&service, "/v1/tenants", &body, one).await;
        let repeated = send(&service, "/v1/tenants", &body, same).await;
        assert_eq!((repeated.status, repeated.text), (201, first.text), "{one} {same}");
    }
}

async fn a_malformed_key_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = json!({ "slug": "malformed", "name": "n" });
    let (long, long_quoted) = ("k".repeat(256), format!("\"{}\"", "k".repeat(256)));
    for key in [
        "",
        "a key",
        "\"open",
        "\"\"",
        "\"a\"b\"",
        "\"a\\b\"",
        "\"a\";b",
        "clé",
        &long,
        &long_quoted,
    ] {
        let message = send(&service, "/v1/tenants", &body, key)
            .await
            .assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.starts_with("`Idempotency-Key` in the head: "),
            "{key}: {message}"
        );
    }
    let twice = service.raw.request(Method::POST, "/v1/tenants").json(&body);
    let twice = twice.header("Idempotency-Key", "one").header("Idempotency-Key", "two");
    RawResponse::from_request(twice)
        .await
        .assert_error(400, ErrorCode::InvalidInput);
}

async fn another_request_with_the_same_key_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let before = requests(&service).await;
    for request in &before {
        assert_eq!(request.send(&service, "key").await.status, request.status);
    }
    let events = service.event_count().await;
    for request in before {
        // White space is a part of the body. The path of another tenant is another path.
        let other_body = format!(" {}", request.body);
        let other_path = request.path.replace('0', "1");
        for (path, body) in [(&request.path, other_body), (&other_path, request.body.to_string())] {
            let is_same_path = *path == request.path;
            if is_same_path && (request.body.is_null() || !body.starts_with(' ')) {
                continue;
            }
            let other = service.raw.request(Method::POST, path).header("Idempotency-Key", "key");
            let other = other.header("Content-Type", "application/json").body(body);
            let response = RawResponse::from_request(other).await;
            response.assert_error(422, ErrorCode::IdempotencyKeyReused);
        }
    }
    assert_eq!(service.event_count().await, events);
}

async fn the_key_of_another_operation_is_another_key(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("both").await;
    let activate = format!("/v1/tenants/{}/activate", tenant.id);
    let cancel = format!("/v1/tenants/{}/cancel", tenant.id);
    let activated = send(&service, &activate, &json!({}), "key").await;
    let cancelled = send(&service, &cancel, &json!({}), "key").await;
    assert_eq!((activated.status, cancelled.status), (200, 200));
    assert!(!cancelled.headers.contains_key("idempotency-replayed"));
    assert_eq!(cancelled.json::<Tenant>().status, TenantStatus::Frozen);
}

async fn the_key_of_another_caller_is_another_key(store: StoreUnderTest) {
    let issuer = TestIssuer::start().await;
    let settings = Settings {
        access: access_with(&issuer.url, |_| {}),
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    until("the issuer's keys are there", async || {
        (service.raw.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    let token = async |subject: &str, tenant: Option<&str>| {
        let claims = json!({ "sub": subject, "tenant_id": tenant, "realm_access": { "roles": ["operator"] } });
        issuer
            .token(TokenRequest {
                claims,
                ..TokenRequest::default()
            })
            .await
    };
    let append = async |token: &str, tenant: Option<&str>| {
        let request = service.raw.request(Method::POST, "/v1/audit").bearer_auth(token);
        let mut body = json!({ "action": "report.exported" });
        if let Some(tenant) = tenant {
            body["tenant_id"] = tenant.into();
        }
        RawResponse::from_request(request.json(&body).header("Idempotency-Key", "key")).await
    };
    let (one, other) = (token("one", None).await, token("other", None).await);
    let first = append(&one, None).await;
    let second = append(&other, None).await;
    assert_eq!((first.status, second.status), (201, 201), "{first:?} {second:?}");
    assert_ne!(first.json::<Value>()["id"], second.json::<Value>()["id"]);
    // Another token of the same caller.
    assert_eq!(append(&token("one", None).await, None).await.text, first.text);

    // The same subject, but limited to one tenant.
    let body = json!({ "slug": "limited", "name": "n" });
    let request = service.raw.request(Method::POST, "/v1/tenants").bearer_auth(&one);
    let tenant: Value = RawResponse::from_request(request.json(&body)).await.json();
    let tenant = tenant["id"].as_str().unwrap();
    let limited = append(&token("one", Some(tenant)).await, Some(tenant)).await;
    assert_eq!(limited.status, 201, "{limited:?}");
    assert_eq!(limited.json::<Value>()["tenant_id"], tenant);
}

async fn a_request_waits_for_the_first_one_with_its_key(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for request in requests(&service).await {
        let paused = service.operator.pause_changes();
        let (one, other) = (pin!(request.send(&service, "key")), pin!(request.send(&service, "key")));
        // One of them waits for the store.
        let (rejected, waiting) = select(one, other).await.factor_first();
        rejected.assert_error(409, ErrorCode::Conflict);
        assert_eq!(rejected.header("retry-after"), "1", "{}", request.operation);
        drop(paused);
        let first = waiting.await;
        assert_eq!(first.status, request.status, "{first:?}");
        request.assert_repeated(&first, &request.send(&service, "key").await);
    }
}

async fn many_requests_with_one_key_have_one_effect(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    for request in requests(&one).await {
        let before = one.event_count().await;
        let servers = [&one, &other].into_iter().cycle().take(MANY);
        let responses = join_all(servers.map(|service| request.send(service, "key"))).await;
        let is_first = |response: &&RawResponse| {
            response.status == request.status && !response.headers.contains_key("idempotency-replayed")
        };
        let [first] = responses.iter().filter(is_first).collect::<Vec<_>>()[..] else {
            panic!("{}: {responses:?}", request.operation);
        };
        for response in responses.iter().filter(|response| !is_first(response)) {
            if response.headers.contains_key("retry-after") {
                response.assert_error(409, ErrorCode::Conflict);
            } else {
                request.assert_repeated(first, response);
            }
        }
        assert_eq!(one.event_count().await, before + 1, "{}", request.operation);
    }
}

async fn errors_are_not_repeated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("frozen").await;
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    let body = json!({ "tenant_id": tenant.id, "product": "insights" });
    let start = async || send(&service, "/v1/catalog/trial-request", &body, "key").await;
    start().await.assert_error(409, ErrorCode::Conflict);
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    let started = start().await;
    assert_eq!(started.status, 201, "{started:?}");
    assert_eq!(start().await.text, started.text);
}

async fn the_response_of_an_unchanged_record_is_repeated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("unchanged").await;
    let path = format!("/v1/tenants/{}/activate", tenant.id);
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    let unchanged = send(&service, &path, &json!({}), "key").await;
    assert_eq!(unchanged.json::<Tenant>().status, TenantStatus::Active);
    let frozen = service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    let repeated = send(&service, &path, &json!({}), "key").await;
    assert_eq!((repeated.status, repeated.text), (200, unchanged.text));
    assert_eq!(service.tenant(tenant.id).await, frozen);
}

async fn deleting_a_tenant_deletes_its_responses(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = json!({ "slug": "deleted", "name": "n" });
    let first: Tenant = send(&service, "/v1/tenants", &body, "key").await.json();
    service.cancel(first.id, TenantCancel::default()).await.unwrap();
    let archive = format!("/v1/tenants/{}/archive", first.id);
    assert_eq!(send(&service, &archive, &Value::Null, "key").await.status, 200);
    let delete = service
        .raw
        .request(Method::DELETE, &format!("/v1/tenants/{}", first.id));
    assert_eq!(RawResponse::from_request(delete).await.status, 204);
    let second: Tenant = send(&service, "/v1/tenants", &body, "key").await.json();
    assert_ne!(second.id, first.id);
}

async fn an_old_response_is_deleted(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let append = async |key: &str| {
        let body = json!({ "action": "report.exported" });
        send(&service, "/v1/audit", &body, key).await
    };
    let old = append("old").await;
    service.clock.advance(TimeDelta::hours(1));
    let young = append("young").await;
    service.clock.advance(TimeDelta::hours(23) + TimeDelta::microseconds(1));
    // A replica begins by looking for old responses.
    let _replica = service.replica(Settings::default()).await;
    let again = until("the old response is deleted", async || {
        let response = append("old").await;
        (!response.headers.contains_key("idempotency-replayed")).then_some(response)
    })
    .await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_ne!(again.json::<Value>()["id"], old.json::<Value>()["id"]);
    assert_eq!(append("young").await.text, young.text);
}

/// The cases that look into the database.
pub(crate) fn process_cases() -> Vec<libtest_mimic::Trial> {
    database::cases()
}

mod database {
    use crate::harness::cases::process_cases;
    use crate::harness::polling::until;
    use crate::harness::postgres::TestDatabase;
    use crate::harness::process::ServiceProcess;
    use tokio_postgres::{Client, NoTls};

    process_cases![
        ; postgres:
        old_responses_are_deleted_in_small_steps,
    ];

    /// More than two steps.
    const OLD: i64 = 2_500;

    async fn connect(database: &TestDatabase) -> Client {
        let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Stores responses of this age.
    async fn store_responses(client: &Client, name: &str, count: i64, age: &str) {
        let insert = format!(
            "INSERT INTO idempotency_records (caller, operation, key, fingerprint, status, body, created_at) \
             SELECT sha256('caller'), 'audit_append', '{name}-' || number, sha256('request'), 201, '{{}}', now() - interval '{age}' \
             FROM generate_series(1, {count}) AS number"
        );
        client.batch_execute(&insert).await.unwrap();
    }

    async fn old_responses_are_deleted_in_small_steps() {
        let database = TestDatabase::create().await;
        let client = connect(&database).await;
        store_responses(&client, "old", OLD, "121 minutes").await;
        store_responses(&client, "young", 5, "119 minutes").await;
        // Each statement that deletes records how many rows it deleted.
        let record = "CREATE TABLE steps (rows bigint); \
             CREATE FUNCTION record_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO steps SELECT count(*) FROM deleted; RETURN NULL; END $$; \
             CREATE TRIGGER record_step AFTER DELETE ON idempotency_records REFERENCING OLD TABLE AS deleted \
                 FOR EACH STATEMENT EXECUTE FUNCTION record_step()";
        client.batch_execute(record).await.unwrap();
        let process = ServiceProcess::serve(&|command| {
            command
                .env("DATABASE_URL", database.url())
                .env("IDEMPOTENCY_HOURS", "2")
        })
        .await;
        until("the old responses are deleted", async || {
            let count = "SELECT count(*) FROM idempotency_records";
            let left: i64 = client.query_one(count, &[]).await.unwrap().get(0);
            (left == 5).then_some(())
        })
        .await;
        let steps = client
            .query("SELECT rows FROM steps WHERE rows > 0", &[])
            .await
            .unwrap();
        let steps: Vec<i64> = steps.iter().map(|row| row.get(0)).collect();
        assert_eq!(steps, [1_000, 1_000, 500]);
        assert_eq!(process.stop().await.code, Some(0));
    }
}
