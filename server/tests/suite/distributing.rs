//! `tenant-registry distribute` without a Citus cluster: what it says is missing, and that moving events loses none.
//!
//! On a plain Postgres, `audit_log_distributed` is a local table, to which the store moves events in the same way.

use crate::harness::cases::process_cases;
use crate::harness::polling::until;
use crate::harness::postgres::{CONNECT_TIMEOUT, TestDatabase};
use crate::harness::process::{ServiceProcess, run};
use futures_util::future::join_all;
use serde_json::json;
use std::process::{Command, Output};
use tenant_registry_contract::types::Timestamp;
use tenant_registry_server::store::postgres::{DistributeConnectError, PostgresDistributeStore};
use tenant_registry_server::store::{AuditDistributeStore, MovedBatch};
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    all_that_is_missing_is_reported_and_nothing_is_changed,
    moving_events_is_complete_and_can_be_interrupted,
    events_are_appended_while_others_are_moved,
    a_second_distribution_is_rejected,
    reads_of_distributed_events_leave_connections_to_changes,
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn output_of(url: &str, arguments: &[&str]) -> Output {
    run(&|command: &mut Command| command.args(arguments).env("DATABASE_URL", url)).await
}

async fn count(client: &Client, rows: &str) -> i64 {
    let query = format!("SELECT count(*) FROM {rows}");
    client.query_one(&query, &[]).await.unwrap().get(0)
}

/// Young events after 22,000 old ones, of which 12,096 are of one week and the others of the next one.
async fn with_events() -> (TestDatabase, Client) {
    let database = TestDatabase::create().await;
    let client = connect(database.url()).await;
    // 2025-01-02 is the first day of a week.
    let events = "INSERT INTO audit_log (action, created_at, actor_id, metadata, source_ip) \
                  SELECT 'old', '2025-01-02'::timestamptz + (n - 1) * interval '50 seconds', 'actor ' || n, \
                      '{\"a\": 1, \"a\":1.0}', '10.0.0.1' FROM generate_series(1, 22000) AS n; \
                  INSERT INTO audit_log (action, created_at) SELECT 'young', now() FROM generate_series(1, 10); \
                  CREATE TABLE expected AS SELECT * FROM audit_log";
    client.batch_execute(events).await.unwrap();
    (database, client)
}

async fn store(database: &TestDatabase) -> PostgresDistributeStore {
    PostgresDistributeStore::connect(&database.url().parse().unwrap(), CONNECT_TIMEOUT)
        .await
        .unwrap()
}

fn before() -> Timestamp {
    "2025-06-01T00:00:00Z".parse().unwrap()
}

/// Moves all batches, and returns how many events each had.
async fn move_all(store: &mut PostgresDistributeStore) -> Vec<u64> {
    let mut after = None;
    let mut batches = Vec::new();
    while let Some(MovedBatch { last, moved }) = store.audit_move_batch(before(), after).await.unwrap() {
        after = Some(last);
        batches.push(moved);
    }
    batches
}

/// Every old event is distributed, byte for byte and once, in a week that readers know.
async fn assert_all_moved(client: &Client) {
    assert_eq!(count(client, "audit_log WHERE action = 'old'").await, 0);
    assert_eq!(count(client, "audit_log WHERE action = 'young'").await, 10);
    assert_eq!(count(client, "audit_log_distributed").await, 22_000);
    let same = "expected JOIN audit_log_distributed AS moved USING (id) \
                JOIN audit_log_distributed_weeks AS known \
                    ON known.week = moved.week AND id BETWEEN known.first_id AND known.last_id \
                WHERE to_jsonb(moved) - 'week' = to_jsonb(expected) AND moved.metadata::text = expected.metadata::text";
    assert_eq!(count(client, same).await, 22_000);
    assert_eq!(count(client, "audit_log_distributed_weeks").await, 2);
}

async fn all_that_is_missing_is_reported_and_nothing_is_changed() {
    let (database, client) = with_events().await;
    let (_, suffix) = database.url().rsplit_once("tenant_registry_test").unwrap();
    let role = format!("stranger{suffix}");
    let create = format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON __diesel_schema_migrations TO {role}");
    client.batch_execute(&create).await.unwrap();
    let url = database.url().replace("://postgres@", &format!("://{role}@"));
    for arguments in [&["distribute"][..], &["distribute", "--dry-run"]] {
        let output = output_of(&url, arguments).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("error: the audit log cannot be distributed:\n"), "{text}");
        for problem in [
            "- the database has no Citus extension; install Citus".to_owned(),
            format!("- the user `{role}` does not own the audit log"),
        ] {
            assert!(text.lines().any(|line| line.starts_with(&problem)), "{problem}: {text}");
        }
    }
    assert_eq!(count(&client, "audit_log").await, 22_010);
    assert_eq!(count(&client, "audit_log_distributed").await, 0);
    let output = output_of(database.url(), &["distribute", "--older-than", "23h"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let remove = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    client.batch_execute(&remove).await.unwrap();
}

async fn moving_events_is_complete_and_can_be_interrupted() {
    let (database, client) = with_events().await;
    let mut interrupted = store(&database).await;
    let first = interrupted.audit_move_batch(before(), None).await.unwrap().unwrap();
    assert_eq!(first.moved, 10_000);
    let fail = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'interrupted'; END $$; \
                CREATE TRIGGER fail BEFORE DELETE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION fail()";
    client.batch_execute(fail).await.unwrap();
    let error = interrupted.audit_move_batch(before(), Some(first.last)).await;
    assert!(error.is_err(), "{error:?}");
    // The rest of the first week is in both tables.
    assert_eq!(count(&client, "audit_log WHERE action = 'old'").await, 12_000);
    assert_eq!(count(&client, "audit_log_distributed").await, 12_096);
    client.batch_execute("DROP TRIGGER fail ON audit_log").await.unwrap();
    drop(interrupted);

    let mut repeated = store(&database).await;
    assert_eq!(move_all(&mut repeated).await, [2096, 9904]);
    assert_all_moved(&client).await;
    assert_eq!(move_all(&mut repeated).await, [0; 0]);
}

async fn events_are_appended_while_others_are_moved() {
    let (database, client) = with_events().await;
    let appending = connect(database.url()).await;
    let mut store = store(&database).await;
    let moving = move_all(&mut store);
    tokio::pin!(moving);
    let mut appended = 0;
    let append = "INSERT INTO audit_log (action, created_at) VALUES ('appended', now())";
    let batches = loop {
        tokio::select! {
            batches = &mut moving => break batches,
            result = appending.batch_execute(append) => {
                result.unwrap();
                appended += 1;
            }
        }
    };
    assert_eq!(batches, [10_000, 2096, 9904]);
    assert_all_moved(&client).await;
    // The last one may have been cancelled here, and executed by the database.
    appending.batch_execute("SELECT").await.unwrap();
    let stored = count(&client, "audit_log WHERE action = 'appended'").await;
    assert!(
        appended > 10 && (appended..=appended + 1).contains(&stored),
        "{appended} {stored}"
    );
}

async fn a_second_distribution_is_rejected() {
    let database = TestDatabase::create().await;
    let first = store(&database).await;
    let second = PostgresDistributeStore::connect(&database.url().parse().unwrap(), CONNECT_TIMEOUT).await;
    assert!(matches!(second, Err(DistributeConnectError::Busy)));
    let output = output_of(database.url(), &["distribute"]).await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("error: another `tenant-registry distribute` is running"),
        "{text}"
    );
    drop(first);
    drop(store(&database).await);
}

async fn reads_of_distributed_events_leave_connections_to_changes() {
    let (database, client) = with_events().await;
    move_all(&mut store(&database).await).await;
    let process = ServiceProcess::serve(&|command| {
        command
            .env("DATABASE_URL", database.url())
            .env("DATABASE_POOL_SIZE", "2")
            .env("DATABASE_POOL_TIMEOUT", "1")
    })
    .await;
    let lock = "BEGIN; LOCK TABLE audit_log_distributed IN ACCESS EXCLUSIVE MODE";
    client.batch_execute(lock).await.unwrap();
    // More than all connections of the service that are not shared.
    let reads = join_all((0..4).map(|_| process.raw.get("/v1/audit/1")));
    let change = async {
        let waits = "SELECT FROM pg_locks WHERE relation = 'audit_log_distributed'::regclass AND NOT granted LIMIT 1";
        let is_waiting = async || client.query_opt(waits, &[]).await.unwrap();
        until("a read waits for the lock", is_waiting).await;
        let tenant = json!({ "slug": "meanwhile", "name": "n" });
        assert_eq!(process.raw.post_json("/v1/tenants", &tenant).await.status, 201);
        client.batch_execute("ROLLBACK").await.unwrap();
    };
    let (reads, ()) = tokio::join!(reads, change);
    // The others waited for a connection.
    assert!(reads.iter().any(|read| read.status == 200), "{reads:?}");
}
