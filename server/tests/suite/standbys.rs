//! Pages of lists that are read from a standby (`DATABASE_READ_URL`).

use crate::harness::cases::process_cases;
use crate::harness::etcd::{Etcd, PREFIX};
use crate::harness::polling::until;
use crate::harness::process::{ServiceProcess, run};
use crate::harness::{RawClient, RawResponse};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use tenant_registry_client::types::ErrorCode;
use test_support::postgres::{Cluster, ClusterSettings};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, NoTls};

process_cases![
    a_url_that_cannot_be_used_is_an_error_at_the_start,
    ; postgres:
    pages_are_read_from_a_standby_while_it_is_new_enough,
    a_page_that_follows_another_has_every_record_that_the_other_one_may_precede,
    nothing_but_pages_is_read_from_a_standby,
    a_standby_that_fails_fails_no_request,
    a_standby_that_does_not_follow_the_primary_is_not_used,
    a_standby_with_an_older_schema_is_not_used,
    pages_are_read_from_a_standby_for_a_while_after_the_lease_has_ended,
    a_standby_is_used_again_after_a_failover,
];

/// Seconds that a standby may be behind. The cases that wait until it is too old use the least possible.
const LONG: &str = "300";
const SHORT: &str = "3";

/// The seconds that are left of the lease when etcd is asked.
const LEFT: u64 = 5;

/// The lists, each for a tenant.
fn lists(tenant_id: &str) -> [String; 4] {
    [
        "/v1/tenants?limit=100".to_owned(),
        format!("/v1/projects?tenant_id={tenant_id}"),
        format!("/v1/api-keys?tenant_id={tenant_id}"),
        "/v1/audit?limit=500".to_owned(),
    ]
}

/// A primary, its standby, and a service that uses both.
struct Scene {
    primary: Arc<Cluster>,
    standby: Arc<Cluster>,
    service: ServiceProcess,
    metrics: RawClient,
    tenant_id: String,
}

/// Runs a function that takes long.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(run).await.unwrap()
}

async fn start_cluster() -> Arc<Cluster> {
    blocking(|| Arc::new(Cluster::start(ClusterSettings::default()).unwrap())).await
}

async fn start_standby(of: &Arc<Cluster>) -> Arc<Cluster> {
    let of = Arc::clone(of);
    blocking(move || Arc::new(of.standby("standby", ClusterSettings::default()).unwrap())).await
}

async fn connect(cluster: &Cluster) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster.url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn execute(cluster: &Cluster, statement: &str) {
    connect(cluster).await.batch_execute(statement).await.unwrap();
}

/// Waits until the standby has everything that the primary has now.
async fn has_all(primary: &Cluster, standby: &Cluster) {
    let end = "SELECT pg_current_wal_flush_lsn()::text";
    let end: String = connect(primary).await.query_one(end, &[]).await.unwrap().get(0);
    let standby = connect(standby).await;
    let has_all = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    until("the standby has all", async || {
        let has_all: bool = standby.query_one(&has_all, &[]).await.unwrap().get(0);
        has_all.then_some(())
    })
    .await;
}

async fn serve(primary: &Cluster, read_url: &str, max_staleness: &str) -> (ServiceProcess, RawClient) {
    serve_with(&primary.url("postgres"), read_url, max_staleness, None).await
}

/// Starts a service.
async fn serve_with(
    url: &str,
    read_url: &str,
    max_staleness: &str,
    etcd: Option<&Etcd>,
) -> (ServiceProcess, RawClient) {
    let mut service = ServiceProcess::serve(&|command| {
        command
            .env("DATABASE_URL", url)
            .env("DATABASE_READ_URL", read_url)
            .env("DATABASE_READ_MAX_STALENESS", max_staleness)
            .env("METRICS_ADDR", "127.0.0.1:0");
        if let Some(etcd) = etcd {
            command
                .env("DATABASE_ETCD_URLS", format!("http://{}", etcd.address))
                .env("DATABASE_ETCD_PREFIX", PREFIX);
        }
        command
    })
    .await;
    let metrics = RawClient::new(service.metrics_url());
    (service, metrics)
}

async fn is_ready(service: &ServiceProcess) {
    until("it is ready", async || {
        (service.raw.get("/readyz").await.status == 200).then_some(())
    })
    .await;
}

async fn create_tenant(service: &ServiceProcess, slug: &str) -> String {
    let tenant = json!({ "slug": slug, "name": "n" });
    let response = service.raw.post_json("/v1/tenants", &tenant).await;
    assert_eq!(response.status, 201, "{response:?}");
    response.json::<Value>()["id"].as_str().unwrap().to_owned()
}

async fn metric(metrics: &RawClient, name: &str) -> f64 {
    let text = metrics.get("/metrics").await.text;
    let prefix = format!("tenant_registry_{name} ");
    let value = |line: &str| line.strip_prefix(&prefix)?.parse().ok();
    text.lines().find_map(value).unwrap_or_else(|| panic!("{text}"))
}

impl Scene {
    async fn start(max_staleness: &str) -> Self {
        let primary = start_cluster().await;
        let standby = start_standby(&primary).await;
        let scene = Self::on(primary, standby, max_staleness, None).await;
        scene.is_used().await;
        scene
    }

    async fn on(primary: Arc<Cluster>, standby: Arc<Cluster>, max_staleness: &str, etcd: Option<&Etcd>) -> Self {
        // The primary is skipped.
        let read_url = format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres",
            primary.port(),
            standby.port()
        );
        let (service, metrics) = serve_with(&primary.url("postgres"), &read_url, max_staleness, etcd).await;
        is_ready(&service).await;
        let tenant_id = create_tenant(&service, "first").await;
        Self {
            primary,
            standby,
            service,
            metrics,
            tenant_id,
        }
    }

    /// Another service on the same servers.
    async fn with_max_staleness(&self, max_staleness: &str) -> Self {
        let read_url = self.standby.url("postgres");
        let (service, metrics) = serve(&self.primary, &read_url, max_staleness).await;
        Self {
            primary: Arc::clone(&self.primary),
            standby: Arc::clone(&self.standby),
            service,
            metrics,
            tenant_id: self.tenant_id.clone(),
        }
    }

    /// How many statements for pages ran on the standby and on the primary.
    async fn reads(&self) -> (f64, f64) {
        (
            metric(&self.metrics, "database_standby_page_reads_total").await,
            metric(&self.metrics, "database_primary_page_reads_total").await,
        )
    }

    /// Waits until the standby is used, and has everything that the primary has now.
    async fn is_used(&self) {
        has_all(&self.primary, &self.standby).await;
        until("the standby is used", async || {
            let (before, _) = self.reads().await;
            assert_eq!(self.service.raw.get("/v1/tenants").await.status, 200);
            (self.reads().await.0 > before).then_some(())
        })
        .await;
    }

    /// Waits until the standby is not used any more.
    async fn is_not_used(&self) {
        until("the standby is not used", async || {
            let (_, before) = self.reads().await;
            assert_eq!(self.service.raw.get("/v1/tenants").await.status, 200);
            (self.reads().await.1 > before).then_some(())
        })
        .await;
    }

    async fn slugs(&self, path: &str) -> Vec<String> {
        let page: Value = self.service.raw.get(path).await.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
        items
            .iter()
            .map(|item| item["slug"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn pause_replay(&self) {
        execute(&self.standby, "SELECT pg_wal_replay_pause()").await;
        let standby = connect(&self.standby).await;
        until("replay is paused", async || {
            let state = "SELECT pg_get_wal_replay_pause_state()";
            let state: String = standby.query_one(state, &[]).await.unwrap().get(0);
            (state == "paused").then_some(())
        })
        .await;
    }

    async fn resume_replay(&self) {
        execute(&self.standby, "SELECT pg_wal_replay_resume()").await;
    }
}

async fn pages_are_read_from_a_standby_while_it_is_new_enough() {
    let scene = Scene::start(LONG).await;
    let max = metric(&scene.metrics, "database_standby_staleness_max_seconds").await;
    assert_eq!(max.to_string(), LONG);
    let (before, _) = scene.reads().await;
    for list in lists(&scene.tenant_id) {
        assert_eq!(scene.service.raw.get(&list).await.status, 200);
    }
    assert_eq!(scene.reads().await.0 - before, 4.0);
    let staleness = metric(&scene.metrics, "database_standby_staleness_seconds").await;
    assert!(staleness > 0.0 && staleness < max, "{staleness}");

    let strict = scene.with_max_staleness(SHORT).await;
    strict.is_used().await;
    scene.pause_replay().await;
    create_tenant(&scene.service, "second").await;
    until("the page is read from the primary", async || {
        (strict.slugs("/v1/tenants").await == ["second", "first"]).then_some(())
    })
    .await;
    let staleness = metric(&strict.metrics, "database_standby_staleness_seconds").await;
    assert!(staleness >= 3.0, "{staleness}");
    let (before, _) = strict.reads().await;
    for list in lists(&strict.tenant_id) {
        assert_eq!(strict.service.raw.get(&list).await.status, 200);
    }
    assert_eq!(strict.reads().await.0, before);
    strict
        .service
        .logged("it is older than DATABASE_READ_MAX_STALENESS")
        .await;
    assert_eq!(scene.slugs("/v1/tenants").await, ["first"], "it is old, but new enough");

    scene.resume_replay().await;
    strict.is_used().await;
    assert_eq!(strict.slugs("/v1/tenants").await, ["second", "first"]);
}

/// The cursor of the next page: a number, or a text.
fn cursor(page: &Value) -> String {
    let cursor = &page["next_cursor"];
    assert!(!cursor.is_null(), "{page}");
    cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned)
}

/// A page of the primary may show records that the standby does not have yet.
async fn a_page_that_follows_another_has_every_record_that_the_other_one_may_precede() {
    let scene = Scene::start(LONG).await;
    let next = async |path: &str| {
        let page: Value = scene.service.raw.get(path).await.json();
        cursor(&page)
    };
    create_tenant(&scene.service, "second").await;
    scene.is_used().await;
    let of_standby = next("/v1/audit?limit=1").await;
    scene.pause_replay().await;
    create_tenant(&scene.service, "third").await;
    create_tenant(&scene.service, "fourth").await;
    assert_eq!(
        scene.slugs("/v1/tenants").await,
        ["second", "first"],
        "a page of the standby"
    );
    // The first page is from another replica, which has no standby.
    let primary = ServiceProcess::serve(&|command| command.env("DATABASE_URL", scene.primary.url("postgres"))).await;
    let page: Value = primary.raw.get("/v1/tenants?limit=1").await.json();
    assert_eq!(page["items"][0]["slug"], "fourth");
    let following = format!("/v1/tenants?cursor={}", cursor(&page));
    assert_eq!(scene.slugs(&following).await, ["third", "second", "first"]);
    let page: Value = primary.raw.get("/v1/audit?limit=1").await.json();
    let following = format!("/v1/audit?cursor={}", cursor(&page));
    let expected: Value = primary.raw.get(&following).await.json();
    assert_eq!(expected["items"].as_array().unwrap().len(), 3);
    assert_eq!(scene.service.raw.get(&following).await.json::<Value>(), expected);
    // The other way round.
    let page: Value = primary.raw.get(&format!("/v1/audit?cursor={of_standby}")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);

    // The records of these pages are old, so the standby has them.
    scene.resume_replay().await;
    scene.is_used().await;
    let client = connect(&scene.primary).await;
    let old = "INSERT INTO audit_log (created_at, action) SELECT timestamptz '2026-01-01' + n * interval '1 s', 'old' \
               FROM generate_series(1, 3) AS n RETURNING id";
    client.query(old, &[]).await.unwrap();
    has_all(&scene.primary, &scene.standby).await;
    let first = "/v1/audit?limit=1&until=2026-02-01T00:00:00Z";
    let after = next(first).await;
    let (before, _) = scene.reads().await;
    let page: Value = scene.service.raw.get(&format!("{first}&cursor={after}")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_ne!(cursor(&page), after);
    assert_eq!(scene.reads().await.0 - before, 1.0, "from the standby");
}

async fn nothing_but_pages_is_read_from_a_standby() {
    let scene = Scene::start(LONG).await;
    let raw = &scene.service.raw;
    let created = json!({ "tenant_id": scene.tenant_id, "name": "n", "product": "insights" });
    let product = format!("/v1/entitlements/{}/insights", scene.tenant_id);
    let set = json!({ "source": "override" });
    let granted = RawResponse::from_request(raw.request(Method::PUT, &product).json(&set)).await;
    assert_eq!(granted.status, 201, "{granted:?}");
    let created: Value = raw.post_json("/v1/api-keys", &created).await.json();
    let key = json!({ "key": created["plaintext"], "product": "insights" });
    let key_path = format!("/v1/api-keys/{}", created["api_key"]["id"].as_str().unwrap());
    let verify = async || -> Value { raw.post_json("/v1/internal/api-keys/verify", &key).await.json() };
    assert_eq!(verify().await["valid"], true);
    scene.is_used().await;
    scene.pause_replay().await;

    let check = format!(
        "/v1/internal/entitlements/check?tenant_id={}&product=insights",
        scene.tenant_id
    );
    let revoked = RawResponse::from_request(raw.request(Method::DELETE, &product)).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(verify().await["reason"], "not_entitled");
    assert_eq!(raw.get(&check).await.json::<Value>()["entitled"], false);
    assert_eq!(raw.get(&product).await.json::<Value>()["enabled"], false);
    let entitlements = format!("/v1/entitlements?tenant_id={}", scene.tenant_id);
    assert!(!raw.get(&entitlements).await.text.contains("true"));

    let revoked = RawResponse::from_request(raw.request(Method::DELETE, &key_path)).await;
    assert_eq!(revoked.status, 204);
    for _ in 0..20 {
        assert_eq!(verify().await["reason"], "revoked");
    }
    let batch = raw
        .post_json("/v1/internal/api-keys/verify-batch", &json!({ "keys": [key] }))
        .await
        .json::<Value>();
    assert_eq!(batch["results"][0]["reason"], "revoked");
    assert!(raw.get(&key_path).await.json::<Value>()["revoked_at"].is_string());
    let keys = format!("/v1/api-keys?tenant_id={}", scene.tenant_id);
    let listed: Value = raw.get(&keys).await.json();
    assert!(listed["items"][0]["revoked_at"].is_null(), "the list is old: {listed}");

    // A tenant that the standby does not have is there.
    let second = create_tenant(&scene.service, "second").await;
    assert_eq!(raw.get("/v1/tenants/by-slug/second").await.status, 200);
    let projects: Value = raw.get(&format!("/v1/projects?tenant_id={second}")).await.json();
    assert_eq!(projects["items"], json!([]));
    let duplicate = json!({ "slug": "second", "name": "n" });
    raw.post_json("/v1/tenants", &duplicate)
        .await
        .assert_error(409, ErrorCode::Conflict);
    assert_eq!(scene.slugs("/v1/tenants").await, ["first"]);
    let ready = raw.get("/readyz").await.status;
    assert_eq!(ready, 200);
}

async fn a_standby_that_fails_fails_no_request() {
    let scene = Scene::start(LONG).await;
    let standby = connect(&scene.standby).await;
    scene.standby.pause();
    for list in lists(&scene.tenant_id) {
        assert_eq!(
            scene.service.raw.get(&list).await.status,
            200,
            "the standby does not respond"
        );
    }
    scene.is_not_used().await;
    scene.service.logged("cannot read a page from a standby").await;
    scene.standby.resume();
    scene.is_used().await;

    let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenant-registry'";
    standby.execute(sessions, &[]).await.unwrap();
    for list in lists(&scene.tenant_id) {
        assert_eq!(
            scene.service.raw.get(&list).await.status,
            200,
            "the sessions have ended"
        );
    }
    scene.is_used().await;

    let Scene {
        primary,
        standby: cluster,
        service,
        metrics,
        tenant_id,
    } = scene;
    let stopped = blocking(move || {
        let mut cluster = Arc::into_inner(cluster).unwrap();
        cluster.kill_server();
        cluster
    })
    .await;
    for list in lists(&tenant_id) {
        assert_eq!(service.raw.get(&list).await.status, 200, "the standby has stopped");
    }
    service
        .logged("no standby can be used; pages of lists are read from the primary")
        .await;
    let started = blocking(move || {
        let mut cluster = stopped;
        cluster.start_server().unwrap();
        Arc::new(cluster)
    })
    .await;
    let scene = Scene {
        primary,
        standby: started,
        service,
        metrics,
        tenant_id,
    };
    scene.is_used().await;
}

async fn a_standby_that_does_not_follow_the_primary_is_not_used() {
    let primary = start_cluster().await;
    let other = start_cluster().await;
    let of_other = start_standby(&other).await;
    execute(&primary, "CREATE DATABASE other").await;
    let standby = start_standby(&primary).await;
    let (service, _) = serve(&primary, &primary.url("postgres"), LONG).await;
    let tenant_id = create_tenant(&service, "first").await;
    service.logged("cannot connect").await;
    let migrate = |cluster: &Cluster, database: &str| {
        let url = cluster.url(database);
        async move { run(&|command| command.arg("migrate").env("DATABASE_URL", &url)).await }
    };
    for (cluster, database) in [(&other, "postgres"), (&primary, "other")] {
        assert!(migrate(cluster, database).await.status.success());
    }
    has_all(&other, &of_other).await;
    has_all(&primary, &standby).await;
    for (url, reason) in [
        (of_other.url("postgres"), "it is a standby of another cluster"),
        (standby.url("other"), "leads to another database or schema"),
        (standby.url("missing"), "does not exist"),
        ("postgres://postgres@127.0.0.1:9/postgres".to_owned(), "cannot connect"),
    ] {
        let (service, metrics) = serve(&primary, &url, LONG).await;
        service.logged(reason).await;
        service.logged("no standby can be used").await;
        for list in lists(&tenant_id) {
            assert_eq!(service.raw.get(&list).await.status, 200, "{reason}");
        }
        assert_eq!(
            metric(&metrics, "database_standby_page_reads_total").await,
            0.0,
            "{reason}"
        );
        assert_eq!(
            metric(&metrics, "database_primary_page_reads_total").await,
            4.0,
            "{reason}"
        );
    }
}

async fn a_standby_with_an_older_schema_is_not_used() {
    let scene = Scene::start(LONG).await;
    scene.pause_replay().await;
    execute(
        &scene.primary,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231235959')",
    )
    .await;
    scene.is_not_used().await;
    scene.service.logged("its schema is not that of the primary").await;
    scene.resume_replay().await;
    scene.is_used().await;
}

/// Until they are too old. Nothing else is read.
async fn pages_are_read_from_a_standby_for_a_while_after_the_lease_has_ended() {
    let primary = start_cluster().await;
    let standby = start_standby(&primary).await;
    let etcd = Etcd::start(LEFT, None).await;
    etcd.give_lock_to("one", primary.port());
    let scene = Scene::on(primary, standby, LONG, Some(&etcd)).await;
    scene.is_used().await;
    etcd.silence(true);
    let get = format!("/v1/tenants/{}", scene.tenant_id);
    until("the lease has ended", async || {
        (scene.service.raw.get(&get).await.status == 503).then_some(())
    })
    .await;
    assert_eq!(scene.slugs("/v1/tenants").await, ["first"]);
    let page: Value = scene.service.raw.get("/v1/tenants?limit=1").await.json();
    assert!(page["next_cursor"].is_null(), "{page}");
}

async fn a_standby_is_used_again_after_a_failover() {
    let mut one = blocking(|| Cluster::start(ClusterSettings::default()).unwrap()).await;
    let (one, two, three) = {
        let of = Arc::new(one);
        let (two, three) = (start_standby(&of).await, start_standby(&of).await);
        one = Arc::into_inner(of).unwrap();
        (one, two, three)
    };
    let etcd = Etcd::start(LEFT, None).await;
    etcd.give_lock_to("one", one.port());
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres",
        one.port(),
        two.port()
    );
    let (service, metrics) = serve_with(&url, &three.url("postgres"), LONG, Some(&etcd)).await;
    is_ready(&service).await;
    let tenant_id = create_tenant(&service, "first").await;
    until("the standby is used", async || {
        assert_eq!(service.raw.get("/v1/tenants").await.status, 200);
        (metric(&metrics, "database_standby_page_reads_total").await > 0.0).then_some(())
    })
    .await;
    has_all(&one, &two).await;
    has_all(&one, &three).await;
    let promoted = Arc::clone(&two);
    blocking(move || {
        let mut one = one;
        one.kill_server();
        promoted.promote().unwrap();
    })
    .await;
    etcd.give_lock_to("two", two.port());
    let scene = Scene {
        primary: two,
        standby: three,
        service,
        metrics,
        tenant_id,
    };
    let get = format!("/v1/tenants/{}", scene.tenant_id);
    until("the new primary is used", async || {
        (scene.service.raw.get(&get).await.status == 200).then_some(())
    })
    .await;
    // The standby has not replayed anything of the new primary. It could have followed another one.
    scene.is_not_used().await;
    scene.service.logged("it is on another timeline than the primary").await;

    let port = scene.primary.port();
    let conninfo = format!("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={port} user=postgres'");
    execute(&scene.standby, &conninfo).await;
    execute(&scene.standby, "SELECT pg_reload_conf()").await;
    execute(&scene.primary, "CHECKPOINT").await;
    has_all(&scene.primary, &scene.standby).await;
    execute(&scene.standby, "CHECKPOINT").await;
    scene.is_used().await;
}

async fn a_url_that_cannot_be_used_is_an_error_at_the_start() {
    let database = ("DATABASE_URL", "postgres://u@one/x");
    for (variables, expected) in [
        (
            vec![("DATABASE_READ_URL", "postgres://u@one/x")],
            "--database-read-url <DATABASE_READ_URL> has no effect without --database-url <DATABASE_URL>",
        ),
        (
            vec![database, ("DATABASE_READ_URL", "two:swordfish")],
            "<DATABASE_READ_URL> must begin with `postgres://`",
        ),
        (
            vec![
                database,
                (
                    "DATABASE_READ_URL",
                    "postgres://u:swordfish@two/x?target_session_attrs=read-write",
                ),
            ],
            "<DATABASE_READ_URL> leads to the primary: remove `target_session_attrs=read-write`",
        ),
        (
            vec![
                database,
                ("DATABASE_READ_URL", "postgres://u@two/x"),
                ("DATABASE_READ_MAX_STALENESS", "10s"),
            ],
            "must be a whole number of seconds from 3 to 300, such as 10",
        ),
    ] {
        let ended = run(&|command| command.arg("serve").envs(variables.clone())).await;
        let log = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{log}");
        assert!(log.contains(expected) && !log.contains("swordfish"), "{log}");
    }
}
