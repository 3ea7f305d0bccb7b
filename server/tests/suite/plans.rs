//! The query plans on large tables.

use crate::harness::cases::process_cases;
use crate::harness::process::ServiceProcess;
use serde_json::{Value, json};
use std::fs;
use test_support::postgres::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    every_combination_of_filters_reads_one_index,
    a_page_of_a_rare_filter_looks_through_a_bounded_number_of_entries,
    pages_of_tenants_read_a_bounded_number_of_entries,
    pages_of_api_keys_read_one_index,
    pages_of_projects_cost_the_same_first_or_deep,
    keys_are_found_by_prefix_and_updated_by_id,
];

/// The number of shared connections. On a single one, each statement is prepared once.
const CONNECTIONS: &str = "DATABASE_SHARED_CONNECTIONS";

/// Events. Each filter below matches a tenth of them, and all four together match none.
const EVENTS: &str = "INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) \
    SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'tenant-' || n, 'n', 'active', 'customer', 'p', now(), now() \
    FROM generate_series(0, 9) AS n; \
    INSERT INTO audit_log (tenant_id, product, actor_id, action, metadata, created_at) \
    SELECT ('00000000-0000-7000-8000-00000000000' || n % 10)::uuid, 'product-' || n / 10 % 10, 'actor-' || n / 100 % 10, \
        'action-' || (n + n / 10) % 10, '{\"a\": 1}', '2026-01-01'::timestamptz + n * interval '1 minute' \
    FROM generate_series(1, 60000) AS n; \
    ANALYZE";

/// Parts of index names, and query parameters.
const FILTERS: [(&str, &str); 4] = [
    ("tenant", "tenant_id=00000000-0000-7000-8000-000000000003"),
    ("product", "product=product-5"),
    ("actor", "actor_id=actor-7"),
    ("action", "action=action-4"),
];

/// Positions of a page in the list.
const POSITIONS: [&str; 4] = [
    "",
    "&until=2026-01-05T00:00:00Z",
    "&since=2026-01-03T00:00:00Z&until=2026-01-03T00:05:00Z",
    // An event that only some of the lists contain.
    "&cursor=30001",
];

/// The maximum number of 8 KiB buffers for a page of 50 events: one for each event, and the path through the indexes.
/// A scan or a sort would need thousands.
const BUFFERS_MAX: u64 = 120;

/// The same for the event of a cursor: the path through an index, and the event.
const CURSOR_BUFFERS_MAX: u64 = 10;

/// The entries that a look of a page goes through, at most.
const LOOK_MAX: f64 = 20_000.0;

/// The maximum number of buffers of a look: the pages of the index, and those of the table in the order of time.
const LOOK_BUFFERS_MAX: u64 = 1_000;

/// Three events with a rare action, far from each other.
const RARE_EVENTS: &str = "INSERT INTO audit_log (tenant_id, action, created_at) \
    SELECT '00000000-0000-7000-8000-000000000000', 'rare', '2026-01-01'::timestamptz + n * interval '1 minute' \
    FROM unnest(ARRAY[1000, 30000, 59000]) AS n";

/// Adds 60,000 keys, and entitlements of other tenants.
const KEYS: &str = "INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) \
    SELECT gen_random_uuid(), 'tenant-' || n, 'n', 'active', 'customer', 'p', now(), now() FROM generate_series(1, 3000) AS n; \
    INSERT INTO tenant_products (tenant_id, product, enabled, config, created_at, updated_at) \
    SELECT id, 'product-' || n, true, '{}', now(), now() FROM tenants, generate_series(1, 9) AS n; \
    INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at) \
    SELECT gen_random_uuid(), tenant_id, 'n', scopes, 'bp_' || lpad(n::text, 8, '0'), hash, now() \
    FROM api_keys, generate_series(1, 60000) AS n; \
    ANALYZE";

/// Adds 30,000 tenants. Each filter below matches more of them than a page reads.
const TENANTS: &str = "INSERT INTO tenants (id, slug, name, status, kind, plan, cancel_at, created_at, updated_at) \
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 't-' || n, \
        'word' || n % 5 || ' rare' || n % 3000, CASE WHEN n / 10 % 2 = 0 THEN 'frozen' ELSE 'active' END, \
        CASE WHEN n % 3 = 0 THEN 'demo' ELSE 'customer' END, 'plan-' || n / 100 % 4, \
        CASE WHEN n % 7 = 0 THEN now() END, now(), now() \
    FROM generate_series(1, 30000) AS n; \
    INSERT INTO tenant_products (tenant_id, product, enabled, config, created_at, updated_at) \
    SELECT id, 'insights', TRUE, '{}', now(), now() FROM tenants WHERE status = 'active'; \
    UPDATE tenants SET erp_customer_id = 'erp-' || slug, stripe_cust_id = 'cus-' || slug WHERE slug < 't-2'; \
    ANALYZE";

/// 60,000 keys of one tenant, of which the planner knows, and then three of another one.
const TENANT_KEYS: &str = "INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) \
    SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'tenant-' || n, 'n', 'active', 'customer', 'p', now(), now() \
    FROM generate_series(1, 2) AS n; \
    INSERT INTO api_keys (id, tenant_id, product, name, scopes, prefix, hash, revoked_at, created_at) \
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '00000000-0000-7000-8000-000000000001', \
        'product-' || n % 10, 'n', '{}', 'bp_' || lpad(n::text, 8, '0'), 'argon2id|c2FsdA|aGFzaA', \
        CASE WHEN n % 3 = 0 THEN now() END, now() \
    FROM generate_series(4, 60000) AS n; \
    ANALYZE; \
    INSERT INTO api_keys (id, tenant_id, product, name, scopes, prefix, hash, created_at) \
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '00000000-0000-7000-8000-000000000002', \
        'product-5', 'n', '{}', 'bp_' || lpad(n::text, 8, '0'), 'argon2id|c2FsdA|aGFzaA', now() \
    FROM generate_series(1, 3) AS n";

/// 60,000 projects of one tenant, of which the planner knows, and then three of another one.
const PROJECTS: &str = "INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) \
    SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'tenant-' || n, 'n', 'active', 'customer', 'p', now(), now() \
    FROM generate_series(1, 2) AS n; \
    INSERT INTO projects (id, tenant_id, slug, name, created_at, updated_at) \
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '00000000-0000-7000-8000-000000000001', \
        'project-' || n, 'n', now(), now() \
    FROM generate_series(4, 60000) AS n; \
    ANALYZE; \
    INSERT INTO projects (id, tenant_id, slug, name, created_at, updated_at) \
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '00000000-0000-7000-8000-000000000002', \
        'project-' || n, 'n', now(), now() \
    FROM generate_series(1, 3) AS n";

/// The pages that are walked to a deep one.
const DEEP: usize = 60;

/// Filters of `tenant_list`.
const TENANT_FILTERS: [&str; 5] = [
    "q=word3",
    "product=insights",
    "plan=plan-1",
    "status=frozen",
    "kind=demo",
];

/// Filters that match few tenants, or that are used in another way.
const MORE_TENANT_FILTERS: [&str; 9] = [
    "status=active",
    "status=archived",
    "q=rare17",
    "q=rare17&kind=demo",
    "q=w",
    "plan=none",
    "product=none&q=word",
    "erp_customer_id=erp-t-17",
    "stripe_cust_id=cus-t-17&status=frozen",
];

/// The entries that a page reads at most: those of its bound, and one more that says that there are more.
const ENTRIES_MAX: f64 = 4_001.0;

/// A Postgres that logs the plan and the parsing of each statement.
fn cluster_with_logged_plans() -> Cluster {
    let settings = [
        "shared_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_buffers=on",
        "auto_explain.log_format=json",
        "log_min_duration_statement=0",
        "autovacuum=off",
    ];
    Cluster::start(ClusterSettings {
        settings: settings.map(str::to_owned).to_vec(),
        ..ClusterSettings::default()
    })
    .unwrap()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// For all filters, times and cursors, Postgres reads one index in the order of the list and stops when the page is full. It
/// applies filters within the index, and reads only the events of the page from the table.
async fn every_combination_of_filters_reads_one_index() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let client = connect(&url).await;
    client.batch_execute(EVENTS).await.unwrap();

    for combination in 0..1_u32 << FILTERS.len() {
        let chosen = |index: &usize| combination & (1 << index) != 0;
        let (names, parameters): (Vec<_>, Vec<_>) =
            (0..FILTERS.len()).filter(chosen).map(|index| FILTERS[index]).unzip();
        let (index, texts) = match names.split_first() {
            Some((&"tenant", texts)) => ("audit_log_tenant_id_filters_idx", texts),
            Some(_) | None => ("audit_log_created_at_filters_idx", names.as_slice()),
        };
        for position in POSITIONS {
            let path = format!("/v1/audit?{}{position}", parameters.join("&"));
            for time in 0..3 {
                let known = fs::read_to_string(cluster.log()).unwrap().len();
                assert_eq!(process.raw.get(&path).await.status, 200);
                let log = fs::read_to_string(cluster.log()).unwrap();
                let (pages, cursors): (Vec<Value>, Vec<Value>) =
                    plans(&log[known..]).filter(reads_log).partition(reads_page);
                // At most the event of the cursor and the newest event.
                assert!(cursors.len() <= 2, "{path}: {cursors:#?}");
                for plan in cursors {
                    assert!(buffers(&plan["Plan"]) <= CURSOR_BUFFERS_MAX, "{path}: {plan:#}");
                }
                if pages.is_empty() {
                    // The tenant has no event like that of the cursor.
                    assert_eq!((names.first(), position), (Some(&"tenant"), POSITIONS[3]), "{path}");
                    continue;
                }
                // The statement is prepared for the first request, unless it is that of another position.
                let mut lines = log[known..].lines();
                let is_prepared = !lines.any(|line| line.contains(" ms  parse ") && line.contains("has_next"));
                assert!(is_prepared || time == 0, "{path}, time {time}");
                // Without filters by texts, the events; with them, the end of each look as well.
                let statements = if texts.is_empty() { 1..=1 } else { 2..=4 };
                assert!(statements.contains(&pages.len()), "{path}: {pages:#?}");
                for plan in pages {
                    let is_page = query(&plan).contains("has_next");
                    let plan = &plan["Plan"];
                    let what = format!("{path}, time {time}: {plan:#}");
                    let limit = if texts.is_empty() {
                        BUFFERS_MAX
                    } else {
                        LOOK_BUFFERS_MAX
                    };
                    assert!(buffers(plan) <= limit, "{what}");
                    assert_reads_few_entries(plan, LOOK_MAX, &path);
                    let scans = scans(plan);
                    let own: Vec<_> = scans.iter().filter(|scan| scan["Alias"] == "audit_log").collect();
                    let [scan] = own.as_slice() else { panic!("{what}") };
                    assert_eq!(scan["Index Name"], index, "{what}");
                    if is_page {
                        let condition = scan["Index Cond"].as_str().unwrap_or_default();
                        assert_eq!(condition.matches("= ((hashtext").count(), texts.len(), "{what}");
                        assert_eq!(
                            scan["Rows Removed by Filter"].as_f64().unwrap_or_default(),
                            0.0,
                            "{what}"
                        );
                    }
                }
            }
        }
    }
}

/// A page with a filter that matches hardly any event ends early. The pages return every match once.
async fn a_page_of_a_rare_filter_looks_through_a_bounded_number_of_entries() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let client = connect(&url).await;
    client.batch_execute(EVENTS).await.unwrap();
    client.batch_execute(RARE_EVENTS).await.unwrap();
    for (filters, found, pages) in [
        ("action=rare", 3, 3),
        ("action=none", 0, 3),
        ("tenant_id=00000000-0000-7000-8000-000000000000&action=rare", 3, 1),
        ("tenant_id=00000000-0000-7000-8000-000000000001&action=rare", 0, 1),
    ] {
        let (mut ids, mut cursor, mut read) = (Vec::new(), String::new(), 0);
        loop {
            read += 1;
            let known = fs::read_to_string(cluster.log()).unwrap().len();
            let page: Value = process.raw.get(&format!("/v1/audit?{filters}{cursor}")).await.json();
            let log = fs::read_to_string(cluster.log()).unwrap();
            for plan in plans(&log[known..]).filter(reads_log) {
                assert_reads_few_entries(&plan["Plan"], LOOK_MAX, filters);
                assert!(buffers(&plan["Plan"]) <= LOOK_BUFFERS_MAX, "{plan:#}");
            }
            ids.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|event| event["id"].clone()),
            );
            match page["next_cursor"].as_i64() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((ids.len(), read), (found, pages), "{filters}: {ids:?}");
        ids.dedup();
        assert_eq!(ids.len(), found, "{filters}");
    }
}

/// Whether it is the plan of a statement of `audit_list`.
fn reads_log(plan: &Value) -> bool {
    let query = query(plan).replace('"', "");
    query.starts_with("SELECT") && query.contains(" FROM audit_log WHERE ")
}

/// Whether the statement reads events or the end of a look, and not the event of a cursor.
fn reads_page(plan: &Value) -> bool {
    let query = query(plan);
    query.contains("has_next") || query.contains(" OFFSET ")
}

/// The index scans of a plan.
fn scans(plan: &Value) -> Vec<Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(scans);
    let own = plan["Index Name"].is_string().then(|| plan.clone());
    own.into_iter()
        .filter(|scan| scan["Relation Name"] == "audit_log")
        .chain(below)
        .collect()
}

/// Whatever the filters match, no statement reads more entries of any index than a page reads, and none reads a table or
/// sorts.
async fn pages_of_tenants_read_a_bounded_number_of_entries() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let client = connect(&url).await;
    client.batch_execute(TENANTS).await.unwrap();

    let combinations = (0..1_u32 << TENANT_FILTERS.len()).map(|combination| {
        let chosen = |index: &usize| combination & (1 << index) != 0;
        let filters: Vec<_> = (0..TENANT_FILTERS.len())
            .filter(chosen)
            .map(|index| TENANT_FILTERS[index])
            .collect();
        filters.join("&")
    });
    let more = MORE_TENANT_FILTERS.into_iter().map(str::to_owned);
    for filters in combinations.chain(more) {
        let mut cursor = String::new();
        // The first page and one that follows another.
        for _ in 0..2 {
            let path = format!("/v1/tenants?{filters}{cursor}");
            let known = fs::read_to_string(cluster.log()).unwrap().len();
            let page: Value = process.raw.get(&path).await.json();
            let log = fs::read_to_string(cluster.log()).unwrap();
            // The background tasks of the service log plans too.
            let plans: Vec<_> = plans(&log[known..])
                .filter(|plan| ["AS entries", "has_next"].iter().any(|text| query(plan).contains(text)))
                .collect();
            assert!((1..=2).contains(&plans.len()), "{path}: {plans:#?}");
            for plan in plans {
                assert_reads_few_entries(&plan["Plan"], ENTRIES_MAX, &path);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
}

/// The keys of a tenant are read in the order of the list, also if the planner believes that there is one tenant only.
async fn pages_of_api_keys_read_one_index() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let client = connect(&url).await;
    client.batch_execute(TENANT_KEYS).await.unwrap();
    let tenants = [1, 2].map(|number| format!("00000000-0000-7000-8000-00000000000{number}"));
    for (filters, index) in [
        ("", "api_keys_tenant_id_id_idx"),
        ("&product=product-5", "api_keys_tenant_id_product_id_idx"),
        ("&product=none", "api_keys_tenant_id_product_id_idx"),
        ("&usable=true", "api_keys_tenant_id_id_idx"),
        ("&usable=false", "api_keys_tenant_id_id_idx"),
        ("&product=product-5&usable=false", "api_keys_tenant_id_product_id_idx"),
        (
            "&project_id=00000000-0000-7000-8000-000000000009",
            "api_keys_project_id_id_idx",
        ),
    ] {
        for tenant in &tenants {
            let mut cursor = String::new();
            for _ in 0..2 {
                let path = format!("/v1/api-keys?limit=50&tenant_id={tenant}{filters}{cursor}");
                let known = fs::read_to_string(cluster.log()).unwrap().len();
                let page: Value = process.raw.get(&path).await.json();
                let log = fs::read_to_string(cluster.log()).unwrap();
                let plan = list_plan(&log[known..]);
                assert_reads_few_entries(&plan, ENTRIES_MAX, &path);
                let text = plan.to_string();
                assert_eq!(text.matches(r#""Index Name""#).count(), 1, "{path}: {plan:#}");
                assert!(text.contains(&format!(r#""Index Name":"{index}""#)), "{path}: {plan:#}");
                if !filters.contains("usable") {
                    assert!(buffers(&plan) <= BUFFERS_MAX, "{path}: {plan:#}");
                }
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
        }
    }
}

/// A page of projects reads one index in the order of the list and stops when it is full, however many pages precede it, and
/// also if the planner believes that there is one tenant only.
async fn pages_of_projects_cost_the_same_first_or_deep() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let client = connect(&url).await;
    client.batch_execute(PROJECTS).await.unwrap();
    for (tenant, limit, pages) in [(1, 500, DEEP), (1, 50, DEEP), (2, 2, 2)] {
        let mut cursor = String::new();
        for number in 1..=pages {
            let path =
                format!("/v1/projects?limit={limit}&tenant_id=00000000-0000-7000-8000-00000000000{tenant}{cursor}");
            let known = fs::read_to_string(cluster.log()).unwrap().len();
            let page: Value = process.raw.get(&path).await.json();
            let log = fs::read_to_string(cluster.log()).unwrap();
            let plan = list_plan(&log[known..]);
            assert_reads_few_entries(&plan, ENTRIES_MAX, &path);
            let text = plan.to_string();
            assert_eq!(text.matches(r#""Index Name""#).count(), 1, "{path}: {plan:#}");
            assert!(
                text.contains(r#""Index Name":"projects_tenant_id_id_key""#),
                "{path}: {plan:#}"
            );
            if limit <= 50 {
                assert!(buffers(&plan) <= BUFFERS_MAX, "{path}: {plan:#}");
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => assert_eq!((tenant, number), (2, pages), "{path}"),
            }
        }
    }
}

/// Checks each node of a plan.
fn assert_reads_few_entries(plan: &Value, most: f64, path: &str) {
    if plan["Relation Name"] == "deleted_tenants" {
        // There are hardly ever any. They are read once for the whole statement.
        assert_eq!(plan["Parent Relationship"], "InitPlan", "{path}: {plan:#}");
        return;
    }
    let kind = plan["Node Type"].as_str().unwrap();
    for slow in ["Sort", "Seq Scan", "Bitmap", "Hash", "Merge"] {
        assert!(!kind.contains(slow), "{path}: {plan:#}");
    }
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    if kind.starts_with("Index") {
        let read = number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        assert!(read * number("Actual Loops") <= most, "{path}: {plan:#}");
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        assert_reads_few_entries(part, most, path);
    }
}

/// A key is found by its prefix, with a statement that is prepared once, and its last use is written by id.
async fn keys_are_found_by_prefix_and_updated_by_id() {
    let cluster = cluster_with_logged_plans();
    let url = cluster.url("postgres");
    let process = ServiceProcess::serve(&|command| command.env("DATABASE_URL", &url).env(CONNECTIONS, "1")).await;
    let tenant = json!({ "slug": "blue-sky", "name": "n" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let created = json!({ "tenant_id": tenant["id"], "name": "n", "scopes": ["reports:read"] });
    let created: Value = process.raw.post_json("/v1/api-keys", &created).await.json();
    let client = connect(&url).await;
    client.batch_execute(KEYS).await.unwrap();

    let plain = json!({ "key": created["plaintext"] });
    let with_product = json!({ "key": created["plaintext"], "product": "insights" });
    for (presented, statement, expected) in [
        (&plain, r#""api_keys"."prefix" = ANY"#, json!({ "valid": true })),
        (
            &with_product,
            "LEFT JOIN tenant_products",
            json!({ "valid": false, "reason": "not_entitled" }),
        ),
    ] {
        for time in 0..8 {
            let known = fs::read_to_string(cluster.log()).unwrap().len();
            let verified = process.raw.post_json("/v1/internal/api-keys/verify", presented).await;
            let verified: Value = verified.json();
            assert_eq!(
                (&verified["valid"], &verified["reason"]),
                (&expected["valid"], &expected["reason"])
            );
            let log = fs::read_to_string(cluster.log()).unwrap();
            let plan = last_plan(&log[known..], statement);
            // Key, tenant and entitlement come from one statement. Only the first verification, which needs a hash, reads them
            // again after it.
            let selects = plans(&log[known..]).filter(|plan| query(plan).starts_with("SELECT"));
            let hashes = usize::from(expected["valid"] == true && time == 0);
            assert_eq!(selects.count(), 1 + hashes, "{}", &log[known..]);
            // The statement is prepared for the first request only.
            let is_prepared = !log[known..].contains(" ms  parse ");
            assert_eq!(is_prepared, time > 0, "time {time}: {}", &log[known..]);
            let text = plan.to_string();
            assert!(text.contains(r#""Index Name":"api_keys_prefix_idx""#), "{plan:#}");
            assert_eq!(
                text.contains(r#""Index Name":"tenant_products_pkey""#),
                expected["valid"] == false,
                "{plan:#}"
            );
            assert!(buffers(&plan) <= BUFFERS_MAX, "{plan:#}");
        }
    }
    // Pending times of last use are written at shutdown.
    process.stop().await;
    let log = fs::read_to_string(cluster.log()).unwrap();
    let plan = last_plan(&log, "SET last_used_at");
    assert!(buffers(&plan) <= BUFFERS_MAX, "{plan:#}");
}

/// The 8 KiB buffers that a statement used.
fn buffers(plan: &Value) -> u64 {
    let kinds = ["Shared Hit Blocks", "Shared Read Blocks"];
    kinds.map(|kind| plan[kind].as_u64().unwrap()).iter().sum()
}

fn plans(log: &str) -> impl Iterator<Item = Value> {
    log.match_indices("plan:\n").filter_map(|(index, start)| {
        let plan = serde_json::Deserializer::from_str(&log[index + start.len()..])
            .into_iter::<Value>()
            .next();
        plan.and_then(Result::ok)
    })
}

/// The last plan of a list statement in the log.
fn list_plan(log: &str) -> Value {
    last(log, |plan| query(plan).contains("has_next"))
}

/// The last plan of a statement that contains this text.
fn last_plan(log: &str, text: &str) -> Value {
    last(log, |plan| query(plan).contains(text))
}

fn query(plan: &Value) -> &str {
    plan["Query Text"].as_str().unwrap_or_default()
}

fn last(log: &str, predicate: impl Fn(&Value) -> bool) -> Value {
    plans(log)
        .filter(predicate)
        .last()
        .map(|plan| plan["Plan"].clone())
        .unwrap_or_else(|| panic!("no plan in {log}"))
}
