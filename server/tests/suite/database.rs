//! The service on Postgres: migrations at the start, and what the database itself rejects.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::distribution::distribute;
use crate::harness::polling::until;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::{ServiceProcess, run};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Command;
use std::process::Output;
use std::time::{Duration, Instant};
use tenant_registry_client::types::Tenant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

process_cases![
    an_unreachable_database_prevents_the_start,
    an_invalid_url_prevents_the_start_and_is_not_printed,
    ; postgres:
    migrate_creates_the_schema_and_exits,
    records_survive_a_restart,
    replicas_that_start_together_migrate_once,
    no_migrate_rejects_an_older_schema,
    no_migrate_rejects_a_newer_schema,
    serves_on_a_newer_schema,
    is_not_ready_while_a_migration_is_missing,
    every_time_in_the_database_is_in_the_years_0001_to_9999,
    migrate_names_the_rows_whose_times_cannot_be_read,
    a_step_in_a_deadlock_runs_again,
    an_index_that_was_interrupted_is_built_again,
    the_audit_log_cannot_be_changed,
    distributed_events_cannot_be_changed,
    it_contains_no_plaintext_of_a_key,
    events_survive_the_deletion_of_their_tenant,
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn applied(client: &Client) -> i64 {
    let row = client
        .query_one("SELECT count(*) FROM __diesel_schema_migrations", &[])
        .await;
    row.unwrap().get(0)
}

/// The number of migrations in the source tree.
fn migrations_in_source() -> i64 {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    i64::try_from(entries.filter(|entry| entry.path().is_dir()).count()).unwrap()
}

async fn serve(url: &str) -> ServiceProcess {
    ServiceProcess::serve(&|command| command.env("DATABASE_URL", url)).await
}

/// Runs the binary on a database until it ends.
async fn output_of(url: &str, arguments: &[&str]) -> Output {
    run(&|command: &mut Command| command.args(arguments).env("DATABASE_URL", url)).await
}

/// Expects that the start fails with one line that contains these texts.
#[track_caller]
fn assert_start_failed(output: &Output, expected: &[&str]) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
    text
}

async fn create_tenant(process: &ServiceProcess, slug: &str) -> Tenant {
    let response = process
        .raw
        .post_json("/v1/tenants", &json!({ "slug": slug, "name": "n" }))
        .await;
    assert_eq!(response.status, 201, "{response:?}");
    response.json()
}

async fn migrate_creates_the_schema_and_exits() {
    let database = TestDatabase::create_empty().await;
    let output = output_of(database.url(), &["migrate"]).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        format!(
            "the schema is up to date; migrations applied: {}\n",
            migrations_in_source()
        )
    );
    let again = output_of(database.url(), &["migrate"]).await;
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "the schema is up to date\n");
    assert_start_failed(&output_of("", &["migrate"]).await, &["--database-url <DATABASE_URL>"]);
}

async fn records_survive_a_restart() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    let example = process.raw.get("/v1/tenants/by-slug/acme").await;
    assert_eq!(example.status, 404, "only the in-memory store has an example tenant");
    let tenant = create_tenant(&process, "lasting").await;
    let key = json!({ "tenant_id": tenant.id, "name": "n" });
    let created: Value = process.raw.post_json("/v1/api-keys", &key).await.json();
    let verify = json!({ "key": created["plaintext"] });
    let verified: Value = process
        .raw
        .post_json("/v1/internal/api-keys/verify", &verify)
        .await
        .json();
    assert_eq!(verified["valid"], true);
    assert_eq!(process.stop().await.code, Some(0));

    let process = serve(database.url()).await;
    let found: Tenant = process.raw.get("/v1/tenants/by-slug/lasting").await.json();
    assert_eq!(found, tenant);
    let path = format!("/v1/api-keys?tenant_id={}", tenant.id);
    let api_keys: Value = process.raw.get(&path).await.json();
    assert!(
        api_keys["items"][0]["last_used_at"].is_string(),
        "the last use is written at the end: {api_keys}"
    );
    let log: Value = process.raw.get("/v1/audit").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
}

async fn replicas_that_start_together_migrate_once() {
    let database = TestDatabase::create_empty().await;
    let replicas = join_all((0..5).map(|_| serve(database.url()))).await;
    let mut migrated = 0;
    for (number, process) in replicas.into_iter().enumerate() {
        create_tenant(&process, &format!("tenant-{number}")).await;
        migrated += process.stop().await.stderr.matches("migrated the schema").count();
    }
    assert_eq!(i64::try_from(migrated).unwrap(), migrations_in_source());
    assert_eq!(applied(&connect(database.url()).await).await, migrations_in_source());
}

async fn no_migrate_rejects_an_older_schema() {
    let database = TestDatabase::create_empty().await;
    let output = output_of(database.url(), &["serve", "--no-migrate"]).await;
    assert_start_failed(
        &output,
        &["older than this binary", "20261124000000", "tenant-registry migrate"],
    );
    let client = connect(database.url()).await;
    let tables = client
        .query("SELECT FROM pg_tables WHERE schemaname = 'public'", &[])
        .await
        .unwrap();
    assert!(tables.is_empty(), "no table is created");
}

async fn record_later_migration(url: &str) {
    let later = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    connect(url).await.batch_execute(later).await.unwrap();
}

async fn no_migrate_rejects_a_newer_schema() {
    let database = TestDatabase::create().await;
    record_later_migration(database.url()).await;
    let output = output_of(database.url(), &["serve", "--no-migrate"]).await;
    assert_start_failed(&output, &["newer than this binary", "99991231000000"]);
}

async fn serves_on_a_newer_schema() {
    let database = TestDatabase::create().await;
    record_later_migration(database.url()).await;
    let process = serve(database.url()).await;
    create_tenant(&process, "during-the-upgrade").await;
    let ended = process.stop().await;
    assert!(ended.stderr.contains("99991231000000"), "{}", ended.stderr);
}

async fn is_not_ready_while_a_migration_is_missing() {
    let database = TestDatabase::create().await;
    let process = serve(database.url()).await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    let client = connect(database.url()).await;
    let (forget, record) = (
        "CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations; DELETE FROM __diesel_schema_migrations",
        "INSERT INTO __diesel_schema_migrations SELECT * FROM kept",
    );
    client.batch_execute(forget).await.unwrap();
    readiness_becomes(&process, 503).await;
    client.batch_execute(record).await.unwrap();
    readiness_becomes(&process, 200).await;
    record_later_migration(database.url()).await;
    let asked_again = Instant::now() + Duration::from_secs(1);
    until("a result from after the upgrade began", async || {
        let status = process.raw.get("/readyz").await.status;
        assert_eq!(status, 200, "during an upgrade it serves on");
        (Instant::now() > asked_again).then_some(())
    })
    .await;
    let ended = process.stop().await;
    assert!(ended.stderr.contains("the schema lacks"), "{}", ended.stderr);
}

async fn readiness_becomes(process: &ServiceProcess, status: u16) {
    until("the readiness", async || {
        (process.raw.get("/readyz").await.status == status).then_some(())
    })
    .await;
}

async fn an_unreachable_database_prevents_the_start() {
    let url = "postgres://u:correct-horse@127.0.0.1:1/registry";
    for arguments in [&["serve"][..], &["serve", "--no-migrate"], &["migrate"]] {
        let text = assert_start_failed(&output_of(url, arguments).await, &["cannot be reached", "refused"]);
        assert!(!text.contains("correct-horse"), "{text}");
    }
}

async fn an_invalid_url_prevents_the_start_and_is_not_printed() {
    let bad = [
        ("mysql://u:correct-horse@db/x", "must begin with `postgres://`"),
        ("postgres://u:correct-horse@db", "names no database"),
        ("postgres://u:correct-horse@db/x?sslmode=on", "`sslmode` must be one of"),
        (
            "postgres://u:correct-horse@db/x?sslmode=verify-full&sslrootcert=/no/such/file",
            "/no/such/file",
        ),
    ];
    for (url, expected) in bad {
        for arguments in [&["serve"][..], &["migrate"], &["serve", "--database-url", url]] {
            let text = assert_start_failed(&output_of(url, arguments).await, &[expected]);
            assert!(!text.contains("correct-horse"), "{text}");
        }
    }
}

async fn every_time_in_the_database_is_in_the_years_0001_to_9999() {
    let database = TestDatabase::create().await;
    let process = serve(database.url()).await;
    let tenant = create_tenant(&process, "dated").await;
    let key = json!({ "tenant_id": tenant.id, "name": "n" });
    assert_eq!(process.raw.post_json("/v1/api-keys", &key).await.status, 201);
    let trial = json!({ "tenant_id": tenant.id, "product": "insights" });
    assert_eq!(
        process.raw.post_json("/v1/catalog/trial-request", &trial).await.status,
        201
    );
    let project = json!({ "tenant_id": tenant.id, "slug": "dated", "name": "n" });
    let keyed = process.raw.request(Method::POST, "/v1/projects").json(&project);
    let created = RawResponse::from_request(keyed.header("Idempotency-Key", "key")).await;
    assert_eq!(created.status, 201);
    let client = connect(database.url()).await;
    // The times of distributed events were checked in audit_log.
    let columns = "SELECT table_name::text, column_name::text, data_type = 'date' FROM information_schema.columns \
                   WHERE table_schema = 'public' \
                   AND table_name NOT IN ('__diesel_schema_migrations', 'audit_log_distributed') \
                   AND (data_type LIKE 'timestamp%' OR data_type = 'date')";
    let columns = client.query(columns, &[]).await.unwrap();
    assert_eq!(columns.len(), 18);
    for column in columns {
        let (table, name, is_date): (String, String, bool) = (column.get(0), column.get(1), column.get(2));
        let last = if is_date {
            "9999-12-31"
        } else {
            "9999-12-31 23:59:59.999999+00"
        };
        for (value, is_accepted) in [
            ("0001-01-01 00:00:00+00", true),
            (last, true),
            ("0001-12-31 00:00:00+00 BC", false),
            ("10000-01-01 00:00:00+00", false),
            ("infinity", false),
            ("-infinity", false),
        ] {
            // The audit log accepts only new rows.
            let change = if table == "audit_log" && name == "created_at" {
                format!("INSERT INTO audit_log (action, created_at) VALUES ('a', '{value}')")
            } else if table == "audit_log" {
                format!("INSERT INTO audit_log (action, created_at, {name}) VALUES ('a', now(), '{value}')")
            } else {
                format!("UPDATE {table} SET {name} = '{value}'")
            };
            let changed = client.batch_execute(&format!("BEGIN; {change}")).await;
            client.batch_execute("ROLLBACK").await.unwrap();
            match changed {
                Ok(()) => assert!(is_accepted, "{change}"),
                Err(error) => {
                    assert!(!is_accepted, "{change}: {error:?}");
                    assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{change}: {error:?}");
                }
            }
        }
    }
}

/// Creates the schema of version 1.0.0.
async fn create_first_schema(client: &Client) {
    let first = include_str!("../../../migrations/2026-11-24-000000_create_tables/up.sql");
    let record = "CREATE TABLE __diesel_schema_migrations \
                  (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now()); \
                  INSERT INTO __diesel_schema_migrations (version) VALUES ('20261124000000')";
    client.batch_execute(first).await.unwrap();
    client.batch_execute(record).await.unwrap();
}

async fn a_step_in_a_deadlock_runs_again() {
    let database = TestDatabase::create_empty().await;
    let watcher = connect(database.url()).await;
    create_first_schema(&watcher).await;
    // The step is the first to notice, but not before the transaction waits for it.
    let notice_later = "DO $$ BEGIN \
        EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '3s'); END $$";
    watcher.batch_execute(notice_later).await.unwrap();
    let transaction = connect(database.url()).await;
    let lock = "SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE audit_log IN ROW EXCLUSIVE MODE";
    transaction.batch_execute(lock).await.unwrap();
    let deadlock = async {
        let waits = "SELECT FROM pg_locks WHERE relation = 'audit_log'::regclass AND NOT granted";
        let is_waiting = async || watcher.query_opt(waits, &[]).await.unwrap();
        until("the step waits for the log, and has locked the tenants", is_waiting).await;
        let close = "LOCK TABLE tenants IN ROW EXCLUSIVE MODE; COMMIT";
        transaction.batch_execute(close).await.unwrap();
    };
    let (output, ()) = tokio::join!(output_of(database.url(), &["migrate"]), deadlock);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && log.contains("the step was in a deadlock"),
        "{log}"
    );
}

async fn an_index_that_was_interrupted_is_built_again() {
    let database = TestDatabase::create_empty().await;
    assert!(output_of(database.url(), &["migrate"]).await.status.success());
    let watcher = connect(database.url()).await;
    let undo = "DROP INDEX audit_log_created_at_filters_idx; \
                DELETE FROM __diesel_schema_migrations WHERE version = '20261127001800'";
    watcher.batch_execute(undo).await.unwrap();
    // A concurrent build waits for the snapshots of others.
    let reader = connect(database.url()).await;
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
    reader.batch_execute(snapshot).await.unwrap();
    let interrupt = async {
        let builds = "SELECT pid FROM pg_stat_activity \
            WHERE query ~ '^(--.*\n)*CREATE INDEX CONCURRENTLY' AND wait_event_type = 'Lock' AND datname = current_database()";
        let waiting = async || {
            let build = watcher.query_opt(builds, &[]).await.unwrap();
            build.map(|row| row.get::<_, i32>(0))
        };
        let pid = until("a step builds an index", waiting).await;
        watcher
            .execute("SELECT pg_terminate_backend($1)", &[&pid])
            .await
            .unwrap();
    };
    let (output, ()) = tokio::join!(output_of(database.url(), &["migrate"]), interrupt);
    assert!(!output.status.success());
    let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    let count = async || watcher.query_one(invalid, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count().await, 1);
    reader.batch_execute("COMMIT").await.unwrap();
    let output = output_of(database.url(), &["migrate"]).await;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && log.contains("REINDEX INDEX CONCURRENTLY"),
        "{log}"
    );
    assert_eq!(count().await, 0);
}

async fn migrate_names_the_rows_whose_times_cannot_be_read() {
    let database = TestDatabase::create_empty().await;
    let client = connect(database.url()).await;
    create_first_schema(&client).await;
    // The first two are what version 1.0.0 could store.
    let rows = "INSERT INTO tenants (id, slug, name, status, kind, plan, contract_start, contract_end, cancel_at, \
                    trial_ends_at, created_at, updated_at) \
                SELECT id::uuid, slug, 'n', 'active', 'customer', 'p', contract_start::date, contract_end::date, \
                    cancel_at::timestamptz, trial_ends_at::timestamptz, now(), now() \
                FROM (VALUES \
                    ('00000000-0000-7000-8000-000000000001', 'endless', NULL, '9999-12-31', '10000-01-01 00:00+00', NULL), \
                    ('00000000-0000-7000-8000-000000000002', 'ancient', '0001-02-03 BC', '2027-01-01', NULL, NULL), \
                    ('00000000-0000-7000-8000-000000000003', 'by-hand', NULL, NULL, NULL, 'infinity') \
                ) AS row (id, slug, contract_start, contract_end, cancel_at, trial_ends_at); \
                INSERT INTO tenant_products \
                SELECT id, 'it''s', true, '{}', 'infinity', now(), now() FROM tenants WHERE slug = 'by-hand'; \
                INSERT INTO audit_log (action, created_at) VALUES ('tenant.created', now())";
    client.batch_execute(rows).await.unwrap();
    let tenant = "00000000-0000-7000-8000-000000000003";
    let corrections = [
        (
            format!("tenant_products: these rows violate tenant_products_expires_at_check: ({tenant}, 'it''s');"),
            "UPDATE tenant_products SET expires_at = NULL",
        ),
        (
            format!("tenants: these rows violate tenants_trial_ends_at_check: {tenant};"),
            "UPDATE tenants SET trial_ends_at = NULL WHERE slug = 'by-hand'",
        ),
    ];
    for (expected, correction) in corrections {
        let output = output_of(database.url(), &["migrate"]).await;
        // It may first wait until the database has noticed the end of the last attempt.
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = text.lines().last().unwrap();
        assert!(!output.status.success() && last.contains(&expected), "{text}");
        client.batch_execute(correction).await.unwrap();
    }
    let process = serve(database.url()).await;
    let cancelled: Value = process.raw.get("/v1/tenants/by-slug/endless").await.json();
    assert_eq!(cancelled["contract_end"], "9999-12-31");
    let ancient: Tenant = process.raw.get("/v1/tenants/by-slug/ancient").await.json();
    assert_eq!(ancient.contract_start.unwrap().to_string(), "0001-01-01");
    assert_eq!(process.raw.get("/v1/tenants/by-slug/by-hand").await.status, 200);
    let log: Value = process.raw.get("/v1/audit").await.json();
    let [event] = log["items"].as_array().unwrap().as_slice() else {
        panic!("one event: {log}");
    };
    assert!(
        event.get("origin").is_none(),
        "it was stored before version 2.0: {event}"
    );
}

async fn it_contains_no_plaintext_of_a_key() {
    let database = TestDatabase::create().await;
    let process = serve(database.url()).await;
    let tenant = json!({ "slug": "discreet", "name": "n" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let body = json!({ "tenant_id": tenant["id"], "name": "ci" });
    let create = async |key: Option<&str>| {
        let request = process.raw.request(Method::POST, "/v1/api-keys").json(&body);
        RawResponse::from_request(match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        })
        .await
    };
    let mut plaintexts = Vec::new();
    for key in [None, Some("key")] {
        let created: Value = create(key).await.json();
        plaintexts.push(created["plaintext"].as_str().unwrap().to_owned());
    }
    assert_eq!(create(Some("key")).await.status, 409);
    let client = connect(database.url()).await;
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut bytes = 0;
    for table in client.query(tables, &[]).await.unwrap() {
        let table: &str = table.get(0);
        let rows = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t");
        let text: String = client.query_one(&rows, &[]).await.unwrap().get(0);
        bytes += text.len();
        for plaintext in &plaintexts {
            // The public prefix may be there.
            assert!(!text.contains(&plaintext[11..]), "{table}: {text}");
        }
    }
    assert!(bytes > 1000, "the tables have rows");
}

async fn the_audit_log_cannot_be_changed() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    create_tenant(&process, "recorded").await;
    let before = process.raw.get("/v1/audit").await.text;
    let client = connect(database.url()).await;
    for attempt in [
        "UPDATE audit_log SET action = 'nothing'",
        "UPDATE audit_log SET tenant_id = NULL",
        "UPDATE audit_log SET tenant_id = gen_random_uuid()",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE tenants CASCADE",
    ] {
        let error = client.batch_execute(attempt).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::RESTRICT_VIOLATION),
            "{attempt}: {error:?}"
        );
    }
    assert_eq!(process.raw.get("/v1/audit").await.text, before);
}

async fn distributed_events_cannot_be_changed() {
    let database = TestDatabase::create().await;
    let client = connect(database.url()).await;
    let events = "INSERT INTO audit_log (action, created_at) \
                  SELECT 'old', '2026-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, 20) AS n";
    client.batch_execute(events).await.unwrap();
    distribute(&client, "id <= 10").await;
    let log = async || -> (i64, i64, String) {
        let log = "SELECT (SELECT count(*) FROM audit_log), count(*), md5(string_agg(event::text, '|' ORDER BY id)) \
                   FROM audit_log_distributed AS event";
        let row = client.query_one(log, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    };
    let before = log().await;
    assert_eq!((before.0, before.1), (10, 10));
    for attempt in [
        "UPDATE audit_log_distributed SET action = 'nothing'",
        "UPDATE audit_log_distributed SET tenant_id = NULL",
        "DELETE FROM audit_log_distributed",
        "TRUNCATE audit_log_distributed",
        // The functions change nothing but the tenant.
        "SET LOCAL registry.audit_log_upkeep = 'on'; UPDATE audit_log_distributed SET action = 'nothing'",
        "SET LOCAL registry.audit_log_upkeep = 'on'; UPDATE audit_log_distributed SET tenant_id = gen_random_uuid()",
        "SET LOCAL registry.audit_log_upkeep = 'on'; TRUNCATE audit_log_distributed",
        // These are not distributed.
        "SET LOCAL registry.audit_log_distributing = 'on'; DELETE FROM audit_log WHERE id = 15",
    ] {
        let error = client.batch_execute(&format!("BEGIN; {attempt}")).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::RESTRICT_VIOLATION),
            "{attempt}: {error:?}"
        );
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(log().await, before);
}

async fn events_survive_the_deletion_of_their_tenant() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let tenant = create_tenant(&process, "leaving").await;
    let key = json!({ "tenant_id": tenant.id, "name": "n" });
    assert_eq!(process.raw.post_json("/v1/api-keys", &key).await.status, 201);
    let trial = json!({ "tenant_id": tenant.id, "product": "insights" });
    assert_eq!(
        process.raw.post_json("/v1/catalog/trial-request", &trial).await.status,
        201
    );
    let mut before: Value = process.raw.get("/v1/audit").await.json();

    let client = connect(database.url()).await;
    client.batch_execute("DELETE FROM tenants").await.unwrap();
    assert_eq!(process.raw.get("/v1/tenants/by-slug/leaving").await.status, 404);
    let after: Value = process.raw.get("/v1/audit").await.json();
    for event in before["items"].as_array_mut().unwrap() {
        event.as_object_mut().unwrap().remove("tenant_id");
    }
    assert_eq!(after, before, "only the tenant is removed from the events");
}
