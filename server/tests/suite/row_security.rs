//! Row-level security: the second wall behind the rules. A fault in a query, put there on purpose, shows or changes
//! nothing of another tenant.
//!
//! A proxy replaces the condition of a query by one that the rows of other tenants match. Without row-level security,
//! each of these faults shows or changes them, so that the test can fail.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::distribution::distribute;
use crate::harness::issuer::{TestIssuer, TokenRequest};
use crate::harness::polling::until;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::{ServiceProcess, run};
use crate::harness::sql_proxy::{SqlProxy, Statement};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    without_row_security_each_fault_reaches_other_tenants,
    with_row_security_no_fault_reaches_other_tenants,
    callers_of_several_tenants_get_their_own_rows_at_the_same_time,
    the_start_names_what_keeps_row_security_from_being_in_force,
    the_role_sees_nothing_without_a_tenant,
];

/// In every record of the other tenant.
const MARK: &str = "zzforeign";

const SCOPES: &str = "tenants:read tenants:write tenants:delete projects:read projects:write entitlements:read \
                      entitlements:write api_keys:read api_keys:write api_keys:verify audit:read audit:write catalog:write";

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A request; the names in braces are those of [`Scene::fill`].
#[derive(Clone, Copy)]
struct Request(&'static str, &'static str, &'static str);

/// A fault in a query.
struct Fault {
    name: &'static str,
    /// Parts of the query's SQL.
    of: &'static [&'static str],
    /// What is replaced, and by what. An empty text before `=` stands for the assignment of that column.
    replace: &'static [(&'static str, &'static str)],
    /// Sent before, without the fault.
    before: &'static [Request],
    request: Request,
}

const NONE: &[Request] = &[];

/// The rule compares the tenant of a record with that of the caller. With this fault, each record seems to be the
/// caller's.
const SEEMS_OWN: &str = "'{own}'::uuid";

const FAULTS: &[Fault] = &[
    Fault {
        name: "tenant_get",
        of: &[
            "SELECT \"tenants\".\"id\", \"tenants\".\"slug\"",
            "WHERE (\"tenants\".\"id\" = ANY($1))",
        ],
        replace: &[
            ("SELECT \"tenants\".\"id\"", "SELECT '{own}'::uuid"),
            ("\"id\" = ANY($1)", "\"id\" <> ALL($1)"),
        ],
        before: NONE,
        request: Request("GET", "/v1/tenants/{own}", ""),
    },
    Fault {
        name: "tenant_get_by_slug",
        of: &["\"tenants\".\"slug\" = $1"],
        replace: &[("SELECT \"tenants\".\"id\"", "SELECT '{own}'::uuid")],
        before: NONE,
        request: Request("GET", "/v1/tenants/by-slug/zzforeign", ""),
    },
    Fault {
        name: "tenant_list",
        of: &["id = ANY(ARRAY(SELECT "],
        replace: &[("id = ANY(", "id <> ALL("), ("TRUE AND id = ", "TRUE AND id <> ")],
        before: NONE,
        request: Request("GET", "/v1/tenants", ""),
    },
    Fault {
        name: "tenant_list with a search",
        of: &["FROM tenant_words WHERE tenant_id = tenants.id"],
        replace: &[("id = ANY(", "id <> ALL("), ("TRUE AND id = ", "TRUE AND id <> ")],
        before: NONE,
        request: Request("GET", "/v1/tenants?q=zzforeign", ""),
    },
    Fault {
        name: "project_get",
        of: &["SELECT \"projects\".\"id\"", "\"projects\".\"id\" = $1", "LIMIT"],
        replace: &[("\"projects\".\"tenant_id\"", SEEMS_OWN)],
        before: NONE,
        request: Request("GET", "/v1/projects/{foreign_project}", ""),
    },
    Fault {
        name: "project_list",
        of: &["row_number()", "FROM \"projects\""],
        replace: &[
            ("\"tenant_id\" >= ", "\"tenant_id\" <> "),
            ("(tenant_id = ", "(tenant_id <> "),
        ],
        before: NONE,
        request: Request("GET", "/v1/projects?tenant_id={own}", ""),
    },
    Fault {
        name: "entitlement_list",
        of: &["FROM \"tenant_products\"", "ORDER BY"],
        replace: &[("\"tenant_id\" = ", "\"tenant_id\" <> ")],
        before: NONE,
        request: Request("GET", "/v1/entitlements?tenant_id={own}", ""),
    },
    Fault {
        name: "entitlement_get",
        of: &["FROM \"tenant_products\"", "\"product\" = $2", "LIMIT"],
        replace: &[("\"tenant_id\" = ", "\"tenant_id\" <> ")],
        before: NONE,
        request: Request("GET", "/v1/entitlements/{own}/insights", ""),
    },
    Fault {
        name: "entitlement_check",
        of: &["AS asked (tenant_id, product, number)"],
        replace: &[("tenants.id = asked.tenant_id", "tenants.id <> asked.tenant_id")],
        before: NONE,
        request: Request(
            "GET",
            "/v1/internal/entitlements/check?tenant_id={own}&product=insights",
            "",
        ),
    },
    Fault {
        name: "api_key_get",
        of: &["SELECT \"api_keys\".\"id\"", "\"api_keys\".\"id\" = $1", "LIMIT"],
        replace: &[("\"api_keys\".\"tenant_id\"", SEEMS_OWN)],
        before: NONE,
        request: Request("GET", "/v1/api-keys/{foreign_key}", ""),
    },
    Fault {
        name: "api_key_list",
        of: &["row_number()", "FROM \"api_keys\" WHERE (\"tenant_id\""],
        replace: &[
            ("\"tenant_id\" >= ", "\"tenant_id\" <> "),
            ("(tenant_id = ", "(tenant_id <> "),
        ],
        before: NONE,
        request: Request("GET", "/v1/api-keys?tenant_id={own}", ""),
    },
    Fault {
        name: "api_key_list of a product",
        of: &["row_number()", "FROM \"api_keys\"", "AND product = "],
        // The index is that of the tenant under row-level security, and otherwise that of the product.
        replace: &[
            ("\"tenant_id\" >= ", "\"tenant_id\" <> "),
            ("WHERE (hash", "WHERE TRUE OR (hash"),
            ("(tenant_id = ", "(tenant_id <> "),
        ],
        before: NONE,
        request: Request("GET", "/v1/api-keys?tenant_id={own}&product=insights", ""),
    },
    Fault {
        name: "api_key_list of a project",
        of: &["row_number()", "FROM \"api_keys\"", "AND project_id = "],
        replace: &[("(tenant_id = ", "(tenant_id <> ")],
        before: NONE,
        request: Request("GET", "/v1/api-keys?tenant_id={own}&project_id={foreign_project}", ""),
    },
    Fault {
        name: "api_key_verify",
        of: &["\"api_keys\".\"prefix\" = ANY"],
        replace: &[("\"api_keys\".\"tenant_id\", ", "'{own}'::uuid, ")],
        before: NONE,
        request: Request(
            "POST",
            "/v1/internal/api-keys/verify",
            r#"{"key":"{foreign_plaintext}"}"#,
        ),
    },
    Fault {
        name: "api_key_verify for a product",
        of: &["AS asked (prefix, product, number)"],
        replace: &[("\"api_keys\".\"tenant_id\", ", "'{own}'::uuid, ")],
        before: NONE,
        request: Request(
            "POST",
            "/v1/internal/api-keys/verify",
            r#"{"key":"{foreign_plaintext}","product":"insights"}"#,
        ),
    },
    Fault {
        name: "audit_get",
        of: &["SELECT \"audit_log\".\"id\"", "\"audit_log\".\"id\" = $1", "LIMIT"],
        replace: &[("\"audit_log\".\"tenant_id\", ", "'{own}'::uuid, ")],
        before: NONE,
        request: Request("GET", "/v1/audit/{foreign_event}", ""),
    },
    Fault {
        name: "audit_list",
        of: &["FROM audit_log WHERE tenant_id = "],
        replace: &[("WHERE tenant_id = ", "WHERE tenant_id <> ")],
        before: NONE,
        request: Request("GET", "/v1/audit", ""),
    },
    Fault {
        name: "audit_list with sizes and filters",
        of: &["FROM audit_log WHERE tenant_id = "],
        replace: &[("WHERE tenant_id = ", "WHERE tenant_id <> ")],
        before: NONE,
        request: Request("GET", "/v1/audit?limit=500&action=zzforeign.event", ""),
    },
    Fault {
        name: "audit_get of a distributed event",
        of: &["FROM audit_log_distributed", "WHERE id = "],
        replace: &[("\"audit_log\".\"tenant_id\", ", "'{own}'::uuid, ")],
        before: NONE,
        request: Request("GET", "/v1/audit/{distributed_event}", ""),
    },
    Fault {
        name: "audit_list of distributed events",
        of: &["FROM audit_log_distributed", " AND tenant_id = "],
        replace: &[(" AND tenant_id = ", " AND tenant_id <> ")],
        before: NONE,
        request: Request("GET", "/v1/audit", ""),
    },
    Fault {
        name: "audit_list of distributed events with sizes and filters",
        of: &["FROM audit_log_distributed", " AND tenant_id = "],
        replace: &[(" AND tenant_id = ", " AND tenant_id <> ")],
        before: NONE,
        request: Request("GET", "/v1/audit?limit=500&action=zzforeign.event", ""),
    },
    Fault {
        name: "tenant_update: the lock",
        of: &["FROM \"tenants\"", "\"tenants\".\"id\" = $1", "FOR NO KEY UPDATE"],
        replace: &[("\"tenants\".\"id\" = $1", "\"tenants\".\"id\" <> $1")],
        before: NONE,
        request: Request("PATCH", "/v1/tenants/{own}", "{}"),
    },
    Fault {
        name: "tenant_update: the UPDATE",
        of: &["UPDATE \"tenants\" SET"],
        replace: &[("=slug", ""), ("\"tenants\".\"id\" = ", "\"tenants\".\"id\" <> ")],
        before: NONE,
        request: Request("PATCH", "/v1/tenants/{own}", r#"{"name":"changed"}"#),
    },
    Fault {
        name: "project_create",
        of: &["INSERT INTO \"projects\""],
        replace: &[("VALUES ($1, $2,", "VALUES ($1, '{foreign}'::uuid,")],
        before: NONE,
        request: Request(
            "POST",
            "/v1/projects",
            r#"{"tenant_id":"{own}","slug":"planted","name":"planted"}"#,
        ),
    },
    Fault {
        name: "project_update: the lock",
        of: &["FROM \"projects\"", "FOR NO KEY UPDATE"],
        replace: &[("\"projects\".\"tenant_id\"", SEEMS_OWN)],
        before: NONE,
        request: Request("PATCH", "/v1/projects/{foreign_free}", r#"{"description":"changed"}"#),
    },
    Fault {
        name: "project_update: the UPDATE",
        of: &["UPDATE \"projects\" SET"],
        replace: &[
            ("=slug", ""),
            ("=tenant_id", ""),
            ("\"projects\".\"id\" = ", "\"projects\".\"id\" <> "),
        ],
        before: NONE,
        request: Request(
            "PATCH",
            "/v1/projects/{own_project}",
            r#"{"description":"changed again"}"#,
        ),
    },
    Fault {
        name: "project_delete: the lock",
        of: &["FROM \"projects\"", "FOR UPDATE"],
        replace: &[("\"projects\".\"tenant_id\"", SEEMS_OWN)],
        before: NONE,
        request: Request("DELETE", "/v1/projects/{foreign_spare}", ""),
    },
    Fault {
        name: "project_delete: the DELETE",
        of: &["DELETE ", "FROM \"projects\""],
        replace: &[("\"projects\".\"id\" = ", "\"projects\".\"id\" <> ")],
        before: NONE,
        request: Request("DELETE", "/v1/projects/{own_spare}", ""),
    },
    Fault {
        name: "entitlement_set: the INSERT",
        of: &["INSERT INTO \"tenant_products\""],
        replace: &[("VALUES ($1,", "VALUES ('{foreign}'::uuid,")],
        before: NONE,
        request: Request("PUT", "/v1/entitlements/{own}/reports", r#"{"source":"override"}"#),
    },
    Fault {
        name: "entitlement_set: the UPDATE",
        of: &["UPDATE \"tenant_products\" SET"],
        replace: &[(
            "\"tenant_products\".\"tenant_id\" = ",
            "\"tenant_products\".\"tenant_id\" <> ",
        )],
        before: &[Request(
            "PUT",
            "/v1/entitlements/{own}/insights",
            r#"{"source":"override"}"#,
        )],
        request: Request(
            "PUT",
            "/v1/entitlements/{own}/insights",
            r#"{"source":"override","enabled":false}"#,
        ),
    },
    Fault {
        name: "api_key_create",
        of: &["INSERT INTO \"api_keys\""],
        replace: &[("VALUES ($1, $2,", "VALUES ($1, '{foreign}'::uuid,")],
        before: NONE,
        request: Request("POST", "/v1/api-keys", r#"{"tenant_id":"{own}","name":"planted"}"#),
    },
    Fault {
        name: "api_key_update: the lock",
        of: &["FROM \"api_keys\"", "FOR NO KEY UPDATE"],
        replace: &[("\"api_keys\".\"tenant_id\"", SEEMS_OWN)],
        before: NONE,
        request: Request("PATCH", "/v1/api-keys/{foreign_other_key}", r#"{"name":"changed"}"#),
    },
    Fault {
        name: "api_key_update: the UPDATE",
        of: &["UPDATE \"api_keys\" SET"],
        replace: &[
            ("=tenant_id", ""),
            ("\"api_keys\".\"id\" = ", "\"api_keys\".\"id\" <> "),
        ],
        before: NONE,
        request: Request("PATCH", "/v1/api-keys/{own_key}", r#"{"name":"changed"}"#),
    },
    Fault {
        name: "audit_append",
        of: &["INSERT INTO audit_log"],
        replace: &[("SELECT \"tenant_id\",", "SELECT '{foreign}'::uuid,")],
        before: NONE,
        request: Request("POST", "/v1/audit", r#"{"action":"planted"}"#),
    },
    Fault {
        name: "audit_append_batch",
        of: &["INSERT INTO audit_log"],
        replace: &[("SELECT \"tenant_id\",", "SELECT '{foreign}'::uuid,")],
        before: NONE,
        request: Request("POST", "/v1/audit/batch", r#"{"events":[{"action":"planted"}]}"#),
    },
    Fault {
        name: "the response to an Idempotency-Key",
        of: &["INSERT INTO idempotency_records"],
        replace: &[
            (
                "SELECT * FROM unnest",
                "SELECT a, b, c, d, e, f, g, '{foreign}'::uuid, i FROM unnest",
            ),
            (" ON CONFLICT", " AS given (a, b, c, d, e, f, g, h, i) ON CONFLICT"),
        ],
        before: NONE,
        request: Request("POST", "/v1/audit", r#"{"action":"keyed"}"#),
    },
    Fault {
        name: "tenant_delete",
        of: &["DELETE ", "FROM \"tenants\""],
        replace: &[("\"tenants\".\"id\" = ", "\"tenants\".\"id\" <> ")],
        before: &[Request("POST", "/v1/tenants/{own}/archive", "{}")],
        request: Request("DELETE", "/v1/tenants/{own}", ""),
    },
];

/// Requests of the operations without a fault of their own, which share queries with others. All succeed.
const WITHOUT_FAULTS: &[Request] = &[
    Request("POST", "/v1/tenants/{own}/activate", r#"{"plan":"keyed"}"#),
    Request("POST", "/v1/tenants/{own}/activate", r#"{"plan":"keyed"}"#),
    Request("GET", "/v1/tenants/by-slug/own", ""),
    Request(
        "POST",
        "/v1/catalog/request",
        r#"{"tenant_id":"{own}","product":"connect"}"#,
    ),
    Request(
        "POST",
        "/v1/catalog/trial-request",
        r#"{"tenant_id":"{own}","product":"insights"}"#,
    ),
    Request("GET", "/v1/entitlements?tenant_id={own}", ""),
    Request("GET", "/v1/entitlements/{own}/insights", ""),
    Request("DELETE", "/v1/entitlements/{own}/insights", ""),
    Request("GET", "/v1/projects/{own_project}", ""),
    Request("DELETE", "/v1/projects/{own_free}", ""),
    Request("GET", "/v1/api-keys?tenant_id={own}&product=insights&usable=true", ""),
    Request("GET", "/v1/api-keys/{own_key}", ""),
    Request(
        "POST",
        "/v1/internal/api-keys/verify-batch",
        r#"{"keys":[{"key":"{own_plaintext}"},{"key":"{own_plaintext}","product":"insights"}]}"#,
    ),
    Request("POST", "/v1/api-keys/{own_other_key}/rotate", "{}"),
    Request("DELETE", "/v1/api-keys/{own_other_key}", ""),
    Request("POST", "/v1/audit", r#"{"action":"a.b"}"#),
    Request(
        "POST",
        "/v1/audit/batch",
        r#"{"events":[{"action":"a.b"},{"action":"keyed"}]}"#,
    ),
    Request(
        "GET",
        "/v1/audit?actor_id=nobody&product=insights&since=2026-01-01T00:00:00Z",
        "",
    ),
    Request("POST", "/v1/tenants/{own}/cancel", "{}"),
    // Changes nothing, and stores the response nevertheless.
    Request("POST", "/v1/tenants/{own}/cancel", r#"{"reason":"keyed"}"#),
];

/// Queries that no fault is in, and why.
const WITHOUT_FAULT: &[(&str, &str)] = &[
    (
        "SELECT COUNT(*) FROM \"api_keys\"",
        "counts the keys of a project that the transaction has locked",
    ),
    ("SELECT  EXISTS", "returns whether the caller's tenant exists"),
    ("SELECT EXISTS", "returns whether the caller's tenant exists"),
    ("SELECT created_at, id FROM audit_log", "returns where a page ends"),
    (
        "SELECT \"audit_log\".\"created_at\", \"audit_log\".\"id\"",
        "returns where a page begins",
    ),
    (
        "SELECT \"audit_log\".\"id\" FROM",
        "returns the newest number, to compare it with a cursor",
    ),
    ("FROM \"audit_log_distributed_weeks\"", "has no rows of tenants"),
    ("FROM \"audit_log_distributed\"", "returns where a page begins"),
    ("FROM \"deleted_tenants\"", "hides tenants that are deleted"),
    (
        "\"tenants\".\"id\" = $1) LIMIT $2 FOR SHARE",
        "locks the tenant of a trial; the INSERT has the caller's tenant",
    ),
    (
        "\"tenants\".\"id\" = $1) LIMIT $2 FOR UPDATE",
        "locks the tenant that is deleted; the DELETE has its own condition",
    ),
];

/// The statements that run for no caller, or for callers of all tenants.
const UNBOUND: &[&str] = &[
    "SET TIME ZONE",
    "SET CLIENT_ENCODING",
    "pg_is_in_recovery",
    "__diesel_schema_migrations",
    "UPDATE api_keys SET last_used_at",
    "audit_log_clear_deleted_tenant",
    "DELETE FROM idempotency_records",
    // The record of the caller's own request, by a digest of the caller and its tenant.
    "FROM \"idempotency_records\"",
];

/// A service with a caller that is limited to its own tenant, and another tenant.
struct Scene {
    database: TestDatabase,
    admin: Client,
    proxy: SqlProxy,
    service: ServiceProcess,
    issuer: TestIssuer,
    operator: String,
    caller: String,
    names: Vec<(&'static str, String)>,
}

async fn token(issuer: &TestIssuer, claims: Value) -> String {
    let request = TokenRequest {
        scope: SCOPES,
        claims,
        ..TokenRequest::default()
    };
    issuer.token(request).await
}

impl Scene {
    async fn create(row_security: &str) -> Self {
        let database = TestDatabase::create().await;
        let admin = connect(database.url()).await;
        let proxy = SqlProxy::start(database.url()).await;
        let issuer = TestIssuer::start().await;
        let service = ServiceProcess::serve(&|command| {
            command
                .arg("--no-migrate")
                .env("DATABASE_URL", &proxy.url)
                .env("DATABASE_ROW_SECURITY", row_security)
                .env("DATABASE_POOL_SIZE", "2")
                .env("OIDC_ISSUER", &issuer.url)
        })
        .await;
        until("the issuer's keys are there", async || {
            (service.raw.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        let operator = token(&issuer, json!({})).await;
        let mut scene = Self {
            database,
            admin,
            proxy,
            service,
            issuer,
            caller: String::new(),
            operator,
            names: Vec::new(),
        };
        // The other tenant is the older one, so that its rows come first.
        for (tenant, mark, names) in [
            (
                "foreign",
                MARK,
                [
                    "foreign_project",
                    "foreign_spare",
                    "foreign_key",
                    "foreign_plaintext",
                    "foreign_other_key",
                    "foreign_free",
                ],
            ),
            (
                "own",
                "own",
                [
                    "own_project",
                    "own_spare",
                    "own_key",
                    "own_plaintext",
                    "own_other_key",
                    "own_free",
                ],
            ),
        ] {
            let [project, spare, key, plaintext, other_key, free] = names;
            let created = scene
                .operate("POST", "/v1/tenants", json!({ "slug": mark, "name": mark }))
                .await;
            scene.name(tenant, &created["id"]);
            let id = created["id"].clone();
            let of_tenant = |slug: &str| json!({ "tenant_id": id, "slug": slug, "name": mark });
            let created = scene.operate("POST", "/v1/projects", of_tenant(mark)).await;
            scene.name(project, &created["id"]);
            let project_id = created["id"].clone();
            let created = scene.operate("POST", "/v1/projects", of_tenant("spare")).await;
            scene.name(spare, &created["id"]);
            let created = scene
                .operate("POST", "/v1/projects", of_tenant(&format!("free-{mark}")))
                .await;
            scene.name(free, &created["id"]);
            let body = json!({ "tenant_id": id, "name": mark, "product": "insights", "project_id": project_id });
            let created = scene.operate("POST", "/v1/api-keys", body).await;
            scene.name(key, &created["api_key"]["id"]);
            scene.name(plaintext, &created["plaintext"]);
            let created = scene
                .operate("POST", "/v1/api-keys", json!({ "tenant_id": id, "name": mark }))
                .await;
            scene.name(other_key, &created["api_key"]["id"]);
        }
        let foreign = scene.fill("{foreign}");
        let entitlement = json!({ "source": "override", "config": { "mark": MARK } });
        let path = format!("/v1/entitlements/{foreign}/insights");
        scene.operate("PUT", &path, entitlement).await;
        for name in ["distributed_event", "foreign_event"] {
            let event = json!({ "action": "zzforeign.event", "tenant_id": foreign });
            let event = scene.operate("POST", "/v1/audit", event).await;
            scene.names.push((name, event["id"].to_string()));
        }
        // Older ones as well, which the list of the caller's own tenant would go on with.
        let condition = scene.fill("tenant_id = '{foreign}' AND id < {foreign_event}");
        distribute(&scene.admin, &condition).await;
        scene.caller = token(&scene.issuer, json!({ "tenant_id": scene.fill("{own}") })).await;
        scene
    }

    fn name(&mut self, name: &'static str, value: &Value) {
        let value = value.as_str().unwrap_or_else(|| panic!("{name}: {value}"));
        self.names.push((name, value.to_owned()));
    }

    /// Replaces names in braces by their values.
    fn fill(&self, text: &str) -> String {
        let names = self.names.iter();
        names.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    async fn request(&self, token: &str, Request(method, path, body): Request) -> RawResponse {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.service.raw.request(method, &self.fill(path)).bearer_auth(token);
        if !body.is_empty() {
            request = request.header("Content-Type", "application/json").body(self.fill(body));
        }
        if body.contains("keyed") {
            request = request.header("Idempotency-Key", "key");
        }
        RawResponse::from_request(request).await
    }

    /// A successful request of a caller of all tenants.
    async fn operate(&self, method: &str, path: &str, body: Value) -> Value {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .service
            .raw
            .request(method, path)
            .bearer_auth(&self.operator)
            .json(&body);
        let response = RawResponse::from_request(request).await;
        assert!(response.status < 300, "{path}: {response:?}");
        response.json()
    }

    /// A digest of all rows of the other tenant.
    async fn foreign_rows(&self) -> String {
        let query = self.fill("SELECT md5(string_agg(line, '|' ORDER BY line)) FROM ( \
             SELECT tenants::text FROM tenants WHERE id = '{foreign}' \
             UNION ALL SELECT tenant_words::text FROM tenant_words WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT projects::text FROM projects WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT tenant_products::text FROM tenant_products WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT (to_jsonb(api_keys) - '{last_used_at,digest}'::text[])::text FROM api_keys WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT to_jsonb(audit_log)::text FROM audit_log WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT (to_jsonb(audit_log_distributed) - 'week')::text FROM audit_log_distributed \
                 WHERE tenant_id = '{foreign}' \
             UNION ALL SELECT idempotency_records::text FROM idempotency_records WHERE tenant_id = '{foreign}' \
         ) AS rows (line)");
        let row = self.admin.query_one(&query, &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// The SQL of a query with the fault. `None` if the fault is not in this query.
    fn with_fault(&self, fault: &Fault, sql: &str) -> Option<String> {
        let replace = fault.replace.iter().map(|(from, to)| (*from, self.fill(to)));
        let replace: Vec<(&str, String)> = replace.collect();
        replaced(fault.of, &replace, sql)
    }

    /// Whether the caller reaches the other tenant with this fault, and the response.
    async fn reaches_others(&self, fault: &Fault) -> (bool, RawResponse) {
        for before in fault.before {
            let response = self.request(&self.caller, *before).await;
            assert!(response.status < 300, "{}: {response:?}", fault.name);
        }
        let rows = self.foreign_rows().await;
        let of = fault.of;
        let replace: Vec<(&str, String)> = fault.replace.iter().map(|(from, to)| (*from, self.fill(to))).collect();
        self.proxy
            .rewrite(Some(Box::new(move |sql| replaced(of, &replace, sql))));
        let response = self.request(&self.caller, fault.request).await;
        assert!(
            self.proxy.rewritten() > 0,
            "{}: the query did not run: {response:?}",
            fault.name
        );
        self.proxy.rewrite(None);
        let shown = [MARK, &self.fill("{foreign}"), &self.fill("{foreign_key}")];
        let is_shown = response.status < 300 && shown.iter().any(|mark| response.text.contains(mark));
        (is_shown || self.foreign_rows().await != rows, response)
    }
}

fn replaced(of: &[&str], replace: &[(&str, String)], sql: &str) -> Option<String> {
    if !of.iter().all(|part| sql.contains(part)) {
        return None;
    }
    let with_fault = replace
        .iter()
        .fold(sql.to_owned(), |sql, (from, to)| match from.strip_prefix('=') {
            Some(column) => without_assignment(&sql, column),
            None => sql.replace(from, to),
        });
    (with_fault != sql).then_some(with_fault)
}

/// Removes `"column" = $1, ` from an UPDATE.
fn without_assignment(sql: &str, column: &str) -> String {
    let Some((before, rest)) = sql.split_once(&format!("\"{column}\" = $")) else {
        return sql.to_owned();
    };
    let rest = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    format!("{before}{}", rest.trim_start_matches(", "))
}

async fn without_row_security_each_fault_reaches_other_tenants() {
    let scene = Scene::create("off").await;
    let mut harmless = Vec::new();
    for fault in FAULTS {
        let (reaches, response) = scene.reaches_others(fault).await;
        if !reaches {
            harmless.push(format!("{}: {response:?}", fault.name));
        }
    }
    assert!(harmless.is_empty(), "{harmless:#?}");
}

async fn with_row_security_no_fault_reaches_other_tenants() {
    let scene = Scene::create("on").await;
    scene.proxy.take_statements();
    let rows = scene.foreign_rows().await;
    for request in WITHOUT_FAULTS {
        let response = scene.request(&scene.caller, *request).await;
        assert!(response.status < 300, "{}: {response:?}", request.1);
        assert!(!response.text.contains(MARK), "{}: {response:?}", request.1);
    }
    assert_eq!(scene.foreign_rows().await, rows);
    for fault in FAULTS {
        let (reaches, response) = scene.reaches_others(fault).await;
        assert!(!reaches, "{}: {response:?}", fault.name);
    }
    let own = scene.fill("{own}");
    let (bound, unbound): (Vec<_>, Vec<_>) = scene.proxy.take_statements().into_iter().partition(|statement| {
        let begin = statement.begin.as_deref().unwrap_or_default();
        begin.contains("; SET LOCAL ROLE tenant_registry_bound; ")
            && begin.ends_with(&format!("; SET LOCAL registry.tenant = '{own}'"))
    });
    let sql = |statements: Vec<Statement>| -> BTreeSet<String> {
        statements.into_iter().map(|statement| statement.sql).collect()
    };
    for sql in sql(bound) {
        let has_fault = FAULTS.iter().any(|fault| scene.with_fault(fault, &sql).is_some());
        let is_listed = WITHOUT_FAULT.iter().any(|(part, _)| sql.contains(part));
        assert!(has_fault || is_listed, "no fault is in: {sql}");
    }
    for sql in sql(unbound) {
        assert!(
            UNBOUND.iter().any(|part| sql.contains(part)),
            "runs without a tenant: {sql}"
        );
    }
}

/// Both kinds of callers use the same service at the same time, and share statements where they may.
async fn callers_of_several_tenants_get_their_own_rows_at_the_same_time() {
    let scene = Scene::create("on").await;
    let foreign = token(&scene.issuer, json!({ "tenant_id": scene.fill("{foreign}") })).await;
    let verify = |key| Request("POST", "/v1/internal/api-keys/verify", key);
    let own_key = verify(r#"{"key":"{own_plaintext}"}"#);
    let foreign_key = verify(r#"{"key":"{foreign_plaintext}"}"#);
    let tenants = Request("GET", "/v1/tenants", "");
    let events = Request("GET", "/v1/audit?limit=500", "");
    let append = Request("POST", "/v1/audit", r#"{"action":"zzat.once"}"#);
    let (own_mark, foreign_mark) = (scene.fill("{own}"), scene.fill("{foreign}"));
    let rounds = (0..20).map(async |_| {
        let (own, all) = (&scene.caller, &scene.operator);
        let send = async |token: &str, request| scene.request(token, request).await.text;
        let valid = "\"valid\":true";
        let (a, b, c, d, e) = tokio::join!(
            send(own, own_key),
            send(own, foreign_key),
            send(&foreign, foreign_key),
            send(&foreign, own_key),
            send(all, foreign_key),
        );
        assert!(
            a.contains(valid) && c.contains(valid) && e.contains(valid),
            "{a} {c} {e}"
        );
        assert!(!b.contains(valid) && !d.contains(valid), "{b} {d}");
        for request in [tenants, events] {
            let (own, foreign, all) = tokio::join!(send(own, request), send(&foreign, request), send(all, request));
            assert!(own.contains(&own_mark) && !own.contains(&foreign_mark), "{own}");
            assert!(
                foreign.contains(&foreign_mark) && !foreign.contains(&own_mark),
                "{foreign}"
            );
            assert!(all.contains(&foreign_mark) && all.contains(&own_mark), "{all}");
        }
        let (own, foreign) = tokio::join!(send(own, append), send(&foreign, append));
        assert!(
            own.contains(&own_mark) && foreign.contains(&foreign_mark),
            "{own} {foreign}"
        );
    });
    join_all(rounds).await;
}

async fn the_start_names_what_keeps_row_security_from_being_in_force() {
    let database = TestDatabase::create().await;
    let admin = connect(database.url()).await;
    let problem = async || {
        let url = database.url();
        let output = run(&|command| {
            command
                .args(["serve", "--no-migrate"])
                .env("DATABASE_URL", url)
                .env("DATABASE_ROW_SECURITY", "on")
        })
        .await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("row-level security is not in force: "), "{text}");
        text
    };
    for (change, expected) in [
        (
            "ALTER TABLE projects DISABLE ROW LEVEL SECURITY",
            "no policy limits `tenant_registry_bound` in the tables projects;",
        ),
        ("DROP POLICY bound_to_tenant ON audit_log", "in the tables audit_log;"),
        (
            "DROP POLICY bound_to_tenant ON api_keys; CREATE POLICY bound_to_tenant ON api_keys AS RESTRICTIVE \
             TO tenant_registry_bound USING (true)",
            "in the tables api_keys;",
        ),
        // On workers of Citus, its only policy is permissive.
        (
            "ALTER POLICY bound_to_tenant ON audit_log_distributed USING (true)",
            "in the tables audit_log_distributed;",
        ),
        (
            "CREATE POLICY later ON audit_log_distributed FOR SELECT USING (action <> 'a')",
            "in the tables audit_log_distributed;",
        ),
        (
            "DROP POLICY bound_to_tenant ON audit_log_distributed",
            "in the tables audit_log_distributed;",
        ),
        (
            "CREATE TABLE later (tenant_id uuid); GRANT SELECT ON later TO PUBLIC",
            "in the tables later;",
        ),
        (
            "REVOKE INSERT ON projects FROM tenant_registry_bound",
            "lacks privileges: INSERT on projects;",
        ),
        (
            "REVOKE SELECT ON audit_log_distributed, audit_log_distributed_weeks FROM tenant_registry_bound",
            "lacks privileges: SELECT on audit_log_distributed, SELECT on audit_log_distributed_weeks;",
        ),
    ] {
        admin.batch_execute(change).await.unwrap();
        let text = problem().await;
        assert!(text.contains(expected), "{change}: {text}");
        // One by one, because Citus sends a whole string to the workers.
        for undo in [
            "DROP TABLE IF EXISTS later",
            "DROP POLICY IF EXISTS later ON audit_log_distributed",
            "SELECT row_security_enable()",
        ] {
            admin.batch_execute(undo).await.unwrap();
        }
    }
}

async fn the_role_sees_nothing_without_a_tenant() {
    let scene = Scene::create("on").await;
    let client = connect(scene.database.url()).await;
    distribute(&client, "action = 'tenant.created'").await;
    client.batch_execute("SET ROLE tenant_registry_bound").await.unwrap();
    let tables = [
        "tenants",
        "tenant_words",
        "projects",
        "tenant_products",
        "api_keys",
        "audit_log",
        "audit_log_distributed",
    ];
    let own = format!("SET registry.tenant = '{}'", scene.fill("{own}"));
    for (set, sees) in [
        ("RESET registry.tenant", false),
        ("SET registry.tenant = ''", false),
        (own.as_str(), true),
    ] {
        client.batch_execute(set).await.unwrap();
        for table in tables {
            let count: i64 = client
                .query_one(&format!("SELECT count(*) FROM {table}"), &[])
                .await
                .unwrap()
                .get(0);
            let expected = sees && table != "tenant_products";
            assert_eq!(count > 0, expected, "{set}: {table}");
        }
    }
    // The events of both tenants are there.
    let tenants = "SELECT DISTINCT tenant_id::text FROM audit_log_distributed";
    let seen = async || -> Vec<String> {
        let rows = client.query(tenants, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(seen().await, [scene.fill("{own}")]);
    client.batch_execute("RESET ROLE").await.unwrap();
    assert_eq!(seen().await.len(), 2);
}
