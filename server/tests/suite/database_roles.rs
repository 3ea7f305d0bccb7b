//! The database roles of docs/install.md and docs/runbook.md: the service works with them, and they can do no more.
//!
//! The tests run the SQL of the pages. Roles belong to the server, so each test renames them.

use crate::harness::cases::process_cases;
use crate::harness::distribution::distribute;
use crate::harness::postgres::{CREATE_BOUND_ROLE, TestDatabase};
use crate::harness::process::{ServiceProcess, run};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::{Command, Output};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    the_service_works_with_the_documented_role,
    the_documented_role_cannot_do_what_the_service_never_does,
    an_upgrade_allows_the_documented_role_only_to_read_distributed_events,
    older_grants_are_narrowed,
    row_security_works_with_the_documented_roles,
    the_start_names_missing_privileges,
    pruning_deletes_old_events_and_records_it,
    the_pruning_role_cannot_delete_young_events,
    the_pruning_role_cannot_delete_without_a_record,
    pruning_deletes_old_distributed_events_and_records_it,
    pruning_continues_after_distribute_has_ended,
    the_pruning_role_deletes_distributed_events_only_by_the_function,
];

const INSTALLING: &str = include_str!("../../../docs/install.md");
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// The only role that the database allows to delete events.
const PRUNER: &str = "tenant_registry_pruner";

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn output_of(url: &str, arguments: &[&str]) -> Output {
    run(&|command: &mut Command| command.args(arguments).env("DATABASE_URL", url)).await
}

/// The SQL block of a page that begins with this line.
fn documented_sql(page: &'static str, first_line: &str) -> &'static str {
    let begin = format!("```sql\n{first_line}\n");
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{first_line}"));
    rest.split_once("```").unwrap().0
}

/// A database whose owner and service have the documented roles.
struct Documented {
    database: TestDatabase,
    admin: Client,
    suffix: String,
}

impl Documented {
    async fn create() -> Self {
        let database = TestDatabase::create_empty().await;
        let admin = connect(database.url()).await;
        let (_, suffix) = database.url().rsplit_once("tenant_registry_test").unwrap();
        let suffix = suffix.to_owned();
        let documented = Self {
            database,
            admin,
            suffix,
        };
        let name = documented.database.url().rsplit_once('/').unwrap().1;
        // The database exists already.
        let roles = documented.renamed(documented_sql(INSTALLING, "-- As an administrator:"));
        let roles = roles.replace(
            &format!("CREATE DATABASE {name} OWNER"),
            &format!("ALTER DATABASE {name} OWNER TO"),
        );
        documented.admin.batch_execute(&roles).await.unwrap();
        let migrated = output_of(&documented.url("registry_owner"), &["migrate"]).await;
        assert!(migrated.status.success(), "{migrated:?}");
        documented
    }

    /// With the grants for the service.
    async fn create_with_grants() -> Self {
        let documented = Self::create().await;
        let grants = documented_sql(INSTALLING, "-- As registry_owner, in that database, once:");
        let owner = connect(&documented.url("registry_owner")).await;
        owner.batch_execute(&documented.renamed(grants)).await.unwrap();
        documented
    }

    /// Replaces the names of the documented roles and database.
    fn renamed(&self, sql: &str) -> String {
        let name = self.database.url().rsplit_once('/').unwrap().1;
        sql.replace("DATABASE registry", &format!("DATABASE {name}"))
            .replace("registry_owner", &format!("registry_owner{}", self.suffix))
            .replace("registry_service", &format!("registry_service{}", self.suffix))
    }

    fn url(&self, role: &str) -> String {
        let role = self.renamed(role);
        self.database.url().replace("://postgres@", &format!("://{role}@"))
    }

    async fn serve(&self) -> ServiceProcess {
        let url = self.url("registry_service");
        ServiceProcess::serve(&|command| command.arg("--no-migrate").env("DATABASE_URL", &url)).await
    }

    /// Removes the roles, which the harness does not.
    async fn remove(self) {
        for role in ["registry_service", "registry_owner"] {
            let role = self.renamed(role);
            let remove = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
            let name = self.database.url().rsplit_once('/').unwrap().1;
            let give_back = format!("ALTER DATABASE {name} OWNER TO postgres");
            self.admin.batch_execute(&give_back).await.unwrap();
            self.admin.batch_execute(&remove).await.unwrap();
        }
    }
}

async fn the_service_works_with_the_documented_role() {
    let documented = Documented::create_with_grants().await;
    let process = documented.serve().await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    let tenant = json!({ "slug": "least-rights", "name": "n" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let id = &tenant["id"];
    let activate = format!("/v1/tenants/{}/activate", id.as_str().unwrap());
    assert_eq!(
        process.raw.post_json(&activate, &json!({ "plan": "p" })).await.status,
        200
    );
    let key = json!({ "tenant_id": id, "name": "n" });
    let created: Value = process.raw.post_json("/v1/api-keys", &key).await.json();
    let verify = json!({ "key": created["plaintext"] });
    let verified: Value = process
        .raw
        .post_json("/v1/internal/api-keys/verify", &verify)
        .await
        .json();
    assert_eq!(verified["valid"], true);
    let project = json!({ "tenant_id": id, "slug": "website", "name": "n" });
    let project: Value = process.raw.post_json("/v1/projects", &project).await.json();
    let path = format!("/v1/projects/{}", project["id"].as_str().unwrap());
    let renamed = process.raw.request(Method::PATCH, &path).json(&json!({ "name": "m" }));
    assert_eq!(renamed.send().await.unwrap().status(), 200);
    let deleted = process.raw.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    let trial = json!({ "tenant_id": id, "product": "insights" });
    let requested = process.raw.post_json("/v1/catalog/trial-request", &trial).await;
    assert_eq!(requested.status, 201, "{requested:?}");
    for appended in [json!({ "action": "a.b", "tenant_id": id }), json!({ "action": "a.b" })] {
        assert_eq!(process.raw.post_json("/v1/audit", &appended).await.status, 201);
    }
    let unknown = json!({ "action": "a.b", "tenant_id": "00000000-0000-7000-8000-000000000000" });
    assert_eq!(process.raw.post_json("/v1/audit", &unknown).await.status, 400);
    let log: Value = process.raw.get("/v1/audit").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 9);
    assert_eq!(process.stop().await.code, Some(0), "the last use of the key is written");
    documented.remove().await;
}

/// What the service never does with distributed events, and the role of the service may not do either.
const CHANGES_OF_DISTRIBUTED: [&str; 10] = [
    "INSERT INTO audit_log_distributed (id, action, created_at, week) VALUES (1, 'x', '1970-01-01', 0)",
    "UPDATE audit_log_distributed SET action = 'x'",
    "UPDATE audit_log_distributed SET tenant_id = NULL",
    "DELETE FROM audit_log_distributed",
    "TRUNCATE audit_log_distributed",
    "INSERT INTO audit_log_distributed_weeks VALUES (1, 1, 1)",
    "UPDATE audit_log_distributed_weeks SET first_id = 1",
    "DELETE FROM audit_log_distributed_weeks",
    "SELECT audit_log_distributed_prune(now() - interval '1 year', 1)",
    "SELECT audit_log_insert_pruned(1, now(), now())",
];

/// Checks that the role can read distributed events, and can do no more.
async fn assert_only_reads_distributed(client: &Client) {
    client.batch_execute(READ_DISTRIBUTED).await.unwrap();
    // The settings that announce the changes of the functions help no role without the privilege.
    let announce = "SET registry.audit_log_upkeep = 'on'; SET registry.audit_log_distributing = 'on'";
    client.batch_execute(announce).await.unwrap();
    for attempt in CHANGES_OF_DISTRIBUTED {
        let error = client.batch_execute(attempt).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{attempt}: {error:?}"
        );
    }
}

const READ_DISTRIBUTED: &str = "SELECT * FROM audit_log_distributed; SELECT * FROM audit_log_distributed_weeks";

/// Undoes the step that adds the tables for distributed events.
const WITHOUT_DISTRIBUTED: &str = "DROP TABLE audit_log_distributed, audit_log_distributed_weeks; \
     DROP FUNCTION audit_log_distributed_append_only, audit_log_distributed_prune, audit_log_insert_pruned; \
     DELETE FROM __diesel_schema_migrations WHERE version = '20261128000200'";

async fn an_upgrade_allows_the_documented_role_only_to_read_distributed_events() {
    let documented = Documented::create_with_grants().await;
    let bound = format!(
        "{CREATE_BOUND_ROLE}; {}",
        documented.renamed("ALTER ROLE registry_service NOINHERIT; GRANT tenant_registry_bound TO registry_service")
    );
    documented.admin.batch_execute(&bound).await.unwrap();
    let owner = connect(&documented.url("registry_owner")).await;
    let before = format!("SELECT row_security_enable(); {WITHOUT_DISTRIBUTED}");
    owner.batch_execute(&before).await.unwrap();
    let migrated = output_of(&documented.url("registry_owner"), &["migrate"]).await;
    assert!(migrated.status.success(), "{migrated:?}");

    let service = connect(&documented.url("registry_service")).await;
    assert_only_reads_distributed(&service).await;
    service.batch_execute("SET ROLE tenant_registry_bound").await.unwrap();
    assert_only_reads_distributed(&service).await;
    let url = documented.url("registry_service");
    let process = ServiceProcess::serve(&|command| {
        command
            .arg("--no-migrate")
            .env("DATABASE_URL", &url)
            .env("DATABASE_ROW_SECURITY", "on")
    })
    .await;
    assert_eq!(process.stop().await.code, Some(0));
    documented.remove().await;
}

async fn the_documented_role_cannot_do_what_the_service_never_does() {
    let documented = Documented::create_with_grants().await;
    let service = connect(&documented.url("registry_service")).await;
    assert_only_reads_distributed(&service).await;
    for attempt in [
        "INSERT INTO audit_log (id, action, created_at) OVERRIDING SYSTEM VALUE VALUES (1000, 'x', now())",
        "INSERT INTO audit_log (id, action, created_at) OVERRIDING USER VALUE VALUES (1000, 'x', now())",
        "COPY audit_log (id, action, created_at) FROM STDIN",
        "SELECT setval('audit_log_id_seq', 1)",
        "SELECT nextval('audit_log_id_seq')",
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('1')",
        "DELETE FROM __diesel_schema_migrations",
        "DELETE FROM deleted_tenants",
        "INSERT INTO deleted_tenants VALUES (gen_random_uuid())",
        "UPDATE deleted_tenants SET last_event = 1",
        "TRUNCATE tenants CASCADE",
        "CREATE TABLE t ()",
        "CREATE TEMP TABLE t ()",
        "CREATE SCHEMA s",
        "SET ROLE tenant_registry_pruner",
    ] {
        let error = service.batch_execute(attempt).await.unwrap_err();
        let code = error.code().unwrap_or_else(|| panic!("{attempt}: {error:?}"));
        let denied = [&SqlState::INSUFFICIENT_PRIVILEGE, &SqlState::UNDEFINED_OBJECT];
        assert!(
            denied.contains(&code) || attempt.starts_with("SET ROLE"),
            "{attempt}: {error:?}"
        );
    }
    documented.remove().await;
}

async fn row_security_works_with_the_documented_roles() {
    let documented = Documented::create_with_grants().await;
    // Another test may have created the role.
    let administrator = documented.renamed(documented_sql(
        INSTALLING,
        "-- As an administrator, for row-level security:",
    ));
    let administrator = administrator.replace("CREATE ROLE tenant_registry_bound;", &format!("{CREATE_BOUND_ROLE};"));
    let owner = connect(&documented.url("registry_owner")).await;
    let enable = documented_sql(
        INSTALLING,
        "-- As registry_owner, in that database, for row-level security:",
    );

    // A role that inherits the other one would see nothing.
    let inherits = administrator.replace("NOINHERIT", "INHERIT");
    documented.admin.batch_execute(&inherits).await.unwrap();
    let error = owner.batch_execute(enable).await.unwrap_err();
    assert!(format!("{error:?}").contains("would see no rows"), "{error:?}");
    let revoke = documented.renamed("REVOKE tenant_registry_bound FROM registry_service");
    documented.admin.batch_execute(&revoke).await.unwrap();

    documented.admin.batch_execute(&administrator).await.unwrap();
    let before = documented.serve().await;
    owner.batch_execute(enable).await.unwrap();
    owner.batch_execute(enable).await.unwrap();
    let url = documented.url("registry_service");
    let process = ServiceProcess::serve(&|command| {
        command
            .arg("--no-migrate")
            .env("DATABASE_URL", &url)
            .env("DATABASE_ROW_SECURITY", "on")
    })
    .await;
    for (service, slug) in [(&before, "before"), (&process, "after")] {
        let tenant = json!({ "slug": slug, "name": "n" });
        assert_eq!(
            service.raw.post_json("/v1/tenants", &tenant).await.status,
            201,
            "{slug}"
        );
        let found = service.raw.get(&format!("/v1/tenants/by-slug/{slug}")).await;
        assert_eq!(found.status, 200, "{found:?}");
    }

    let service = connect(&documented.url("registry_service")).await;
    for attempt in [
        "ALTER TABLE tenants DISABLE ROW LEVEL SECURITY",
        "DROP POLICY bound_to_tenant ON tenants",
        "ALTER POLICY bound_to_tenant ON tenants USING (true)",
        "CREATE POLICY all_tenants ON tenants TO tenant_registry_bound USING (true)",
        "ALTER ROLE tenant_registry_bound BYPASSRLS",
        "SET ROLE tenant_registry_bound; SET row_security = off; SELECT * FROM tenants",
        "SET ROLE tenant_registry_bound; INSERT INTO tenants SELECT * FROM tenants",
        "SET ROLE tenant_registry_bound; DELETE FROM audit_log",
        "SET ROLE tenant_registry_bound; SELECT * FROM __diesel_schema_migrations",
    ] {
        let error = service.batch_execute(attempt).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{attempt}: {error:?}"
        );
        service.batch_execute("RESET ROLE; RESET row_security").await.unwrap();
    }
    drop((before, process));
    documented.remove().await;
}

/// Grants as earlier versions of docs/install.md had them, with what later ones added. The migration makes the same call.
async fn older_grants_are_narrowed() {
    let documented = Documented::create().await;
    let owner = connect(&documented.url("registry_owner")).await;
    let older = documented.renamed(
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO registry_service; \
         GRANT DELETE ON tenants, projects, idempotency_records TO registry_service; \
         REVOKE UPDATE ON audit_log FROM registry_service",
    );
    owner.batch_execute(&older).await.unwrap();
    let ended = documented.serve().await.stop().await;
    assert!(
        ended.stderr.contains("can choose the ids of audit events"),
        "{}",
        ended.stderr
    );
    owner.batch_execute("SELECT audit_log_grant_columns()").await.unwrap();
    let ended = documented.serve().await.stop().await;
    assert!(!ended.stderr.contains("can choose the ids"), "{}", ended.stderr);
    let service = connect(&documented.url("registry_service")).await;
    let insert = "INSERT INTO audit_log (action, created_at) VALUES ('x', now())";
    service.batch_execute(insert).await.unwrap();
    let with_id = "INSERT INTO audit_log (id, action, created_at) OVERRIDING SYSTEM VALUE VALUES (9, 'x', now())";
    let error = service.batch_execute(with_id).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error:?}");

    // A later step adds a column and calls the function again.
    let later = "ALTER TABLE audit_log ADD COLUMN later text; SELECT audit_log_grant_columns()";
    owner.batch_execute(later).await.unwrap();
    let insert = "INSERT INTO audit_log (action, created_at, later) VALUES ('x', now(), 'l')";
    service.batch_execute(insert).await.unwrap();
    documented.remove().await;
}

async fn the_start_names_missing_privileges() {
    let documented = Documented::create_with_grants().await;
    let owner = connect(&documented.url("registry_owner")).await;
    let revoke = documented.renamed(
        "REVOKE UPDATE ON api_keys FROM registry_service; REVOKE INSERT (user_agent) ON audit_log FROM registry_service",
    );
    owner.batch_execute(&revoke).await.unwrap();
    let output = output_of(&documented.url("registry_service"), &["serve", "--no-migrate"]).await;
    let text = String::from_utf8(output.stderr).unwrap();
    let expected = documented.renamed(
        "error: the role `registry_service` lacks privileges: UPDATE on api_keys, INSERT on the column user_agent of \
         audit_log; grant them as docs/install.md says\n",
    );
    assert_eq!(text, expected);
    documented.remove().await;
}

/// A database with old and young events, and the documented role that prunes.
async fn prunable() -> (TestDatabase, Client) {
    let database = TestDatabase::create().await;
    let client = connect(database.url()).await;
    // Another test may have created the role.
    let role = documented_sql(RUNBOOK, "-- As an administrator, once:").replace(
        "CREATE ROLE tenant_registry_pruner;",
        "DO $$ BEGIN CREATE ROLE tenant_registry_pruner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    );
    let role = role.replace("the_operator", "postgres");
    client.batch_execute(&role).await.unwrap();
    let events = "INSERT INTO audit_log (action, created_at) \
                  SELECT 'old', '2026-01-01'::timestamptz + n * interval '1 second' FROM generate_series(1, 12000) AS n; \
                  INSERT INTO audit_log (action, created_at) VALUES ('young', now())";
    client.batch_execute(events).await.unwrap();
    (database, client)
}

async fn count(client: &Client, action: &str) -> i64 {
    let query = "SELECT count(*) FROM audit_log WHERE action = $1";
    client.query_one(query, &[&action]).await.unwrap().get(0)
}

async fn pruning_deletes_old_events_and_records_it() {
    let (database, client) = prunable().await;
    let output = output_of(database.url(), &["audit", "prune", "--before", "2026-01-01T02:46:41Z"]).await;
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "10000 audit events deleted\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(count(&client, "old").await, 2000);

    let url = database.url();
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", url)).await;
    let log: Value = process.raw.get("/v1/audit?action=audit.pruned").await.json();
    let records = log["items"].as_array().unwrap();
    let deleted: i64 = records
        .iter()
        .map(|record| record["metadata"]["deleted"].as_i64().unwrap())
        .sum();
    assert_eq!(
        (records.len(), deleted),
        (2, 10_000),
        "one record for each batch: {log}"
    );
    let first = &records[1];
    assert_eq!(
        first["metadata"],
        json!({
            "deleted": 5000,
            "oldest": "2026-01-01T00:00:01.000000Z",
            "newest": "2026-01-01T01:23:20.000000Z",
        })
    );
    assert_eq!(
        (&first["actor_type"], &first["actor_id"], &first["target_type"]),
        (&json!("operator"), &json!("postgres"), &json!("audit_log"))
    );
    assert_eq!(first["origin"], "service");
}

async fn the_pruning_role_cannot_delete_young_events() {
    let (database, client) = prunable().await;
    let yesterday = (Utc::now() - TimeDelta::days(1)).to_rfc3339();
    for before in ["9999-12-31T00:00:00Z", &yesterday] {
        let output = output_of(database.url(), &["audit", "prune", "--before", before]).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && text.contains("`--before` must not be later than 20"),
            "{text}"
        );
    }
    let delete = format!(
        "SET ROLE {PRUNER}; DELETE FROM audit_log WHERE action = 'young' OR created_at < '2026-01-01T00:00:05Z'"
    );
    let error = client.batch_execute(&delete).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::RESTRICT_VIOLATION), "{error:?}");
    client.batch_execute("RESET ROLE").await.unwrap();
    assert_eq!(
        (count(&client, "young").await, count(&client, "old").await),
        (1, 12_000)
    );

    // The owner can change the age.
    let replace = "CREATE OR REPLACE FUNCTION audit_log_minimum_age() RETURNS interval LANGUAGE sql IMMUTABLE \
                   RETURN interval '200 years'";
    client.batch_execute(replace).await.unwrap();
    let output = output_of(database.url(), &["audit", "prune", "--before", "2026-01-01T02:46:41Z"]).await;
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(count(&client, "old").await, 12_000);
}

async fn the_pruning_role_cannot_delete_without_a_record() {
    let (_database, client) = prunable().await;
    let chosen = "BEGIN; SET LOCAL ROLE tenant_registry_pruner; DELETE FROM audit_log WHERE id IN (3, 5, 7)";
    client.batch_execute(&format!("{chosen}; ROLLBACK")).await.unwrap();
    assert_eq!(
        (count(&client, "old").await, count(&client, "audit.pruned").await),
        (12_000, 0)
    );
    client.batch_execute(&format!("{chosen}; COMMIT")).await.unwrap();
    assert_eq!(
        (count(&client, "old").await, count(&client, "audit.pruned").await),
        (11_997, 1)
    );
    for attempt in [
        "DELETE FROM audit_log WHERE action = 'audit.pruned'",
        "INSERT INTO audit_log (action, created_at) VALUES ('x', now())",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_record_pruning",
        "TRUNCATE audit_log",
    ] {
        let as_pruner = format!("BEGIN; SET LOCAL ROLE {PRUNER}; {attempt}; COMMIT");
        assert!(client.batch_execute(&as_pruner).await.is_err(), "{attempt}");
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    let error = client.batch_execute("DELETE FROM audit_log").await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::RESTRICT_VIOLATION),
        "other roles cannot delete events"
    );
}

/// The oldest 6,000 of the old events are distributed, and so is the young one.
async fn prunable_distributed() -> (TestDatabase, Client) {
    let (database, client) = prunable().await;
    distribute(&client, "action = 'young' OR created_at <= '2026-01-01T01:40:00Z'").await;
    assert_eq!(
        (count(&client, "old").await, count_distributed(&client).await),
        (6000, 6001)
    );
    (database, client)
}

async fn count_distributed(client: &Client) -> i64 {
    let query = "SELECT count(*) FROM audit_log_distributed";
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The weeks whose events may be distributed.
async fn distributed_weeks(client: &Client) -> i64 {
    let query = "SELECT count(*) FROM audit_log_distributed_weeks";
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn pruning_deletes_old_distributed_events_and_records_it() {
    let (database, client) = prunable_distributed().await;
    let prune = async |before: &str| {
        let output = output_of(database.url(), &["audit", "prune", "--before", before]).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(prune("2026-01-01T00:00:11Z").await, "10 audit events deleted\n");
    assert_eq!(count_distributed(&client).await, 5991);
    // The second time, the first event that is left is in the other table.
    assert_eq!(prune("2026-01-01T01:40:11Z").await, "6000 audit events deleted\n");
    assert_eq!(
        (count(&client, "old").await, count_distributed(&client).await),
        (5990, 1)
    );
    let records = "SELECT metadata::text, actor_id, actor_type, target_type, origin FROM audit_log \
                   WHERE action = 'audit.pruned' ORDER BY id";
    let records = client.query(records, &[]).await.unwrap();
    let deleted: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(record.get(0)).unwrap())
        .collect();
    let numbers: Vec<&Value> = deleted.iter().map(|metadata| &metadata["deleted"]).collect();
    assert_eq!(json!(numbers), json!([10, 5000, 990, 10]));
    assert_eq!(
        deleted[1],
        json!({
            "deleted": 5000,
            "oldest": "2026-01-01T00:00:11.000000Z",
            "newest": "2026-01-01T01:23:30.000000Z",
        })
    );
    let texts = [1, 2, 3, 4].map(|column| records[0].get::<_, &str>(column));
    assert_eq!(texts, ["postgres", "operator", "audit_log", "service"]);

    // A week without events is not read any more.
    assert_eq!(distributed_weeks(&client).await, 2);
    assert_eq!(prune("2026-02-01T00:00:00Z").await, "5990 audit events deleted\n");
    assert_eq!(distributed_weeks(&client).await, 1);
}

async fn pruning_continues_after_distribute_has_ended() {
    let (database, client) = prunable_distributed().await;
    let arguments = ["audit", "prune", "--before", "2026-01-01T03:00:00Z"];
    let lock = "SELECT pg_advisory_lock('audit_log_distributed'::regclass::bigint)";
    client.batch_execute(lock).await.unwrap();
    let output = output_of(database.url(), &arguments).await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && text.contains("cannot be pruned while `tenant-registry distribute` runs"),
        "{text}"
    );
    assert_eq!(count_distributed(&client).await, 6001);
    client.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    let output = output_of(database.url(), &arguments).await;
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "10799 audit events deleted\n"
    );
}

async fn the_pruning_role_deletes_distributed_events_only_by_the_function() {
    let (_database, client) = prunable_distributed().await;
    let announce = format!("SET ROLE {PRUNER}; SET registry.audit_log_upkeep = 'on'");
    client.batch_execute(&announce).await.unwrap();
    for (attempt, expected) in [
        ("DELETE FROM audit_log_distributed", SqlState::INSUFFICIENT_PRIVILEGE),
        ("TRUNCATE audit_log_distributed", SqlState::INSUFFICIENT_PRIVILEGE),
        (
            "DELETE FROM audit_log_distributed_weeks",
            SqlState::INSUFFICIENT_PRIVILEGE,
        ),
        (
            "SELECT audit_log_insert_pruned(1, now(), now())",
            SqlState::INSUFFICIENT_PRIVILEGE,
        ),
        (
            "SELECT audit_log_distributed_prune(now() - interval '1 day', 10)",
            SqlState::RESTRICT_VIOLATION,
        ),
        (
            "SELECT audit_log_distributed_prune('infinity', 10)",
            SqlState::RESTRICT_VIOLATION,
        ),
        // It would remove the weeks, so that the events are not found.
        (
            "SELECT audit_log_distributed_prune(now() - interval '30 days', 0)",
            SqlState::INVALID_PARAMETER_VALUE,
        ),
    ] {
        let error = client.batch_execute(attempt).await.unwrap_err();
        assert_eq!(error.code(), Some(&expected), "{attempt}: {error:?}");
    }
    let prune = "SELECT audit_log_distributed_prune(now() - interval '30 days', 7)";
    client
        .batch_execute(&format!("BEGIN; {prune}; ROLLBACK"))
        .await
        .unwrap();
    client.batch_execute("RESET ROLE").await.unwrap();
    assert_eq!(
        (
            count_distributed(&client).await,
            distributed_weeks(&client).await,
            count(&client, "audit.pruned").await
        ),
        (6001, 2, 0)
    );

    // Membership is not enough, even for a superuser.
    let error = client.batch_execute(prune).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error:?}");
    // The owner can change the age.
    let replace = "CREATE OR REPLACE FUNCTION audit_log_minimum_age() RETURNS interval LANGUAGE sql IMMUTABLE \
                   RETURN interval '200 years'";
    client.batch_execute(replace).await.unwrap();
    let error = client.batch_execute(&format!("SET ROLE {PRUNER}; {prune}")).await;
    assert_eq!(error.unwrap_err().code(), Some(&SqlState::RESTRICT_VIOLATION));
}
