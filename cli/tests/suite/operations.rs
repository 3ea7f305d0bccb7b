//! Every operation through its command.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tenant_registry_client::Operation;

use crate::harness::{TestServer, on_memory, on_stores};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_stores("every_operation_is_a_command", every_operation_is_a_command),
        on_memory("flags_override_the_body_file", flags_override_the_body_file),
        on_memory(
            "a_boolean_is_a_flag_with_or_without_a_value",
            a_boolean_is_a_flag_with_or_without_a_value,
        ),
        on_memory(
            "json_is_read_from_an_argument_or_a_file",
            json_is_read_from_an_argument_or_a_file,
        ),
        on_memory("table_output_is_formatted", table_output_is_formatted),
        on_memory("tenants_are_found_by_words", tenants_are_found_by_words),
        on_memory(
            "special_characters_are_escaped_in_every_output",
            special_characters_are_escaped_in_every_output,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Calls operations and records which ones.
struct Calls<'a> {
    service: &'a TestServer,
    called: BTreeSet<Operation>,
}

impl Calls<'_> {
    /// Calls the command of the operation with the arguments.
    async fn call(&mut self, operation: Operation, words: &str, arguments: &[&str]) -> Value {
        let id = words.replace([' ', '-'], "_");
        assert_eq!(id, operation.id(), "the command belongs to the operation");
        self.called.insert(operation);
        let words: Vec<&str> = words.split(' ').collect();
        self.service.json(&[words.as_slice(), arguments].concat()).await
    }
}

async fn every_operation_is_a_command(service: TestServer) {
    let mut calls = Calls {
        service: &service,
        called: BTreeSet::new(),
    };
    assert_eq!(
        calls.call(Operation::HealthGet, "health get", &[]).await,
        json!({ "status": "ok" })
    );
    assert_eq!(
        calls.call(Operation::ReadinessGet, "readiness get", &[]).await,
        json!({ "status": "ok" })
    );
    let create = ["--slug", "blue-sky", "--name", "Blue Sky Ltd", "--sales-owner", "Ada"];
    let tenant = calls.call(Operation::TenantCreate, "tenant create", &create).await;
    assert_eq!(tenant["sales_owner"], "Ada");
    let id = tenant["id"].as_str().unwrap().to_owned();
    assert_eq!(calls.call(Operation::TenantGet, "tenant get", &[&id]).await, tenant);
    assert_eq!(
        calls
            .call(Operation::TenantList, "tenant list", &["--q", "sky", "--limit", "1"])
            .await,
        json!({ "items": [tenant] })
    );
    assert_eq!(
        calls
            .call(Operation::TenantGetBySlug, "tenant get-by-slug", &["blue-sky"])
            .await,
        tenant
    );
    let changes = [&id, "--stripe-cust-id", "cus_1", "--clear", "sales-owner,contract-end"];
    let updated = calls.call(Operation::TenantUpdate, "tenant update", &changes).await;
    assert_eq!(
        (&updated["stripe_cust_id"], &updated["sales_owner"]),
        (&json!("cus_1"), &Value::Null)
    );
    let dates = [&id, "--contract-start", "2026-01-01", "--contract-end", "2027-12-31"];
    let active = calls.call(Operation::TenantActivate, "tenant activate", &dates).await;
    assert_eq!(
        (&active["status"], &active["contract_end"]),
        (&json!("active"), &json!("2027-12-31"))
    );

    let create = ["--tenant-id", &id, "--slug", "website", "--name", "Website"];
    let project = calls.call(Operation::ProjectCreate, "project create", &create).await;
    let project_id = project["id"].as_str().unwrap();
    assert_eq!(
        calls.call(Operation::ProjectGet, "project get", &[project_id]).await,
        project
    );
    let list = ["--tenant-id", &id, "--limit", "1"];
    assert_eq!(
        calls.call(Operation::ProjectList, "project list", &list).await,
        json!({ "items": [project] })
    );
    let changes = [project_id, "--name", "Website and shop", "--clear", "description"];
    let updated = calls.call(Operation::ProjectUpdate, "project update", &changes).await;
    assert_eq!(updated["name"], "Website and shop");
    assert_eq!(
        calls
            .call(Operation::ProjectDelete, "project delete", &[project_id])
            .await,
        Value::Null
    );

    let catalog = calls.call(Operation::CatalogList, "catalog list", &[]).await;
    let entries = catalog["items"].as_array().unwrap();
    let product = entries.iter().find(|entry| entry["supports_trial"] == true).unwrap();
    let product = product["key"].as_str().unwrap();
    let wish = ["--tenant-id", &id, "--product", product];
    assert_eq!(
        calls.call(Operation::CatalogRequest, "catalog request", &wish).await,
        Value::Null
    );
    let trial = calls
        .call(Operation::CatalogTrialRequest, "catalog trial-request", &wish)
        .await;
    let entitlements = calls
        .call(Operation::EntitlementList, "entitlement list", &["--tenant-id", &id])
        .await;
    assert_eq!(entitlements, json!({ "items": [trial] }));
    let check = calls
        .call(Operation::EntitlementCheck, "entitlement check", &wish)
        .await;
    assert_eq!(
        (&check["entitled"], &check["expires_at"]),
        (&json!(true), &trial["expires_at"])
    );

    let (set, revoke) = (Operation::EntitlementSet, Operation::EntitlementRevoke);
    let settings = [&id, product, "--config", r#"{"seats":5}"#, "--source", "override"];
    let sold = calls.call(set, "entitlement set", &settings).await;
    assert_eq!(
        (&sold["source"], &sold["config"]),
        (&json!("override"), &json!({ "seats": 5 }))
    );
    assert_eq!(
        calls
            .call(Operation::EntitlementGet, "entitlement get", &[&id, product])
            .await,
        sold
    );
    assert_eq!(
        calls.call(revoke, "entitlement revoke", &[&id, product]).await,
        Value::Null
    );

    let key = [
        "--tenant-id",
        &id,
        "--name",
        "ci",
        "--scopes",
        "reports:read",
        "--scopes",
        "a:b,c",
    ];
    let created = calls.call(Operation::ApiKeyCreate, "api-key create", &key).await;
    assert_eq!(created["api_key"]["scopes"], json!(["reports:read", "a:b", "c"]));
    let keys = calls
        .call(Operation::ApiKeyList, "api-key list", &["--tenant-id", &id])
        .await;
    assert_eq!(keys["items"][0]["id"], created["api_key"]["id"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), created["plaintext"].as_str().unwrap()).unwrap();
    let verified = calls
        .call(
            Operation::ApiKeyVerify,
            "api-key verify",
            &["--key-file", file.path().to_str().unwrap()],
        )
        .await;
    assert_eq!((&verified["valid"], &verified["tenant_id"]), (&json!(true), &json!(id)));
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), json!([{ "key": created["plaintext"] }]).to_string()).unwrap();
    let batch = ["--keys-file", keys.path().to_str().unwrap()];
    let batch = calls
        .call(Operation::ApiKeyVerifyBatch, "api-key verify-batch", &batch)
        .await;
    assert_eq!(batch["results"], json!([verified]));
    let key_id = created["api_key"]["id"].as_str().unwrap();
    let key = calls.call(Operation::ApiKeyGet, "api-key get", &[key_id]).await;
    assert_eq!(key["id"], created["api_key"]["id"]);
    let update = [key_id, "--name", "nightly export"];
    let updated = calls.call(Operation::ApiKeyUpdate, "api-key update", &update).await;
    assert_eq!(updated["name"], "nightly export");
    let rotate = [key_id, "--overlap-seconds", "60"];
    let rotated = calls.call(Operation::ApiKeyRotate, "api-key rotate", &rotate).await;
    assert_eq!(rotated["api_key"]["rotated_from"], key_id);
    let revoked = calls.call(Operation::ApiKeyRevoke, "api-key revoke", &[key_id]).await;
    assert_eq!(revoked, Value::Null);

    let event = calls
        .call(
            Operation::AuditAppend,
            "audit append",
            &["--action", "report.exported", "--tenant-id", &id],
        )
        .await;
    assert!(
        event["user_agent"].as_str().unwrap().starts_with("registry/"),
        "{event}"
    );
    let page = calls
        .call(
            Operation::AuditList,
            "audit list",
            &["--tenant-id", &id, "--action", "report.exported", "--limit", "1"],
        )
        .await;
    assert_eq!(page, json!({ "items": [event] }));
    let events = json!([{ "action": "report.exported", "tenant_id": id }, { "action": "report.viewed" }]).to_string();
    let batch = calls
        .call(
            Operation::AuditAppendBatch,
            "audit append-batch",
            &["--events", &events],
        )
        .await;
    assert_eq!(batch["items"][1]["action"], "report.viewed");
    let number = event["id"].to_string();
    let read = calls.call(Operation::AuditGet, "audit get", &[&number]).await;
    assert_eq!(read, event);
    let frozen = calls
        .call(Operation::TenantCancel, "tenant cancel", &[&id, "--reason", "moved on"])
        .await;
    assert_eq!(frozen["status"], "frozen");
    let archived = calls.call(Operation::TenantArchive, "tenant archive", &[&id]).await;
    assert_eq!(archived["status"], "archived");
    let deleted = calls.call(Operation::TenantDelete, "tenant delete", &[&id]).await;
    assert_eq!(deleted, Value::Null);

    assert_eq!(
        calls.called,
        BTreeSet::from(Operation::ALL),
        "operations that no case calls"
    );
}

async fn flags_override_the_body_file(service: TestServer) {
    let body = r#"{"slug": "from-file", "name": "From File", "plan": "team"}"#;
    let arguments = [
        "tenant",
        "create",
        "--body-file",
        "-",
        "--name",
        "From Flag",
        "--output",
        "json",
    ];
    let ended = service.run_with_input(&arguments, body).await;
    let tenant: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&tenant["slug"], &tenant["name"], &tenant["plan"]),
        (&json!("from-file"), &json!("From Flag"), &json!("team"))
    );
    let failed = service.run_with_input(&["tenant", "create", "--body-file", "-"], r#"{"slug": "no-name"}"#);
    failed.await.assert_failed(2, &["invalid body: missing field `name`"]);
    let failed = service.run_with_input(
        &["tenant", "create", "--body-file", "-"],
        r#"{"slug": "X", "name": "x"}"#,
    );
    failed
        .await
        .assert_failed(2, &["invalid body: `slug`: must match the pattern"]);
}

async fn a_boolean_is_a_flag_with_or_without_a_value(service: TestServer) {
    let acme = service.json(&["tenant", "get-by-slug", "acme"]).await;
    let id = acme["id"].as_str().unwrap();
    service
        .json(&["tenant", "activate", id, "--contract-end", "2099-12-31"])
        .await;
    let pending = service.json(&["tenant", "cancel", id, "--at-period-end"]).await;
    assert_eq!(pending["status"], "active");
    let frozen = service.json(&["tenant", "cancel", id, "--at-period-end=false"]).await;
    assert_eq!(frozen["status"], "frozen");
}

async fn json_is_read_from_an_argument_or_a_file(service: TestServer) {
    // As it is written: numbers that no other type holds, the order of members, and duplicates.
    let metadata = r#"{"z":1,"a":[null,1.50,"ä"],"n":18446744073709551616,"x":1e-400,"m":-0,"z":2}"#;
    let append = ["audit", "append", "--action", "a", "--output", "json", "--metadata"];
    for argument in [metadata, "@-"] {
        let arguments = [append.as_slice(), &[argument]].concat();
        let ended = service.run_with_input(&arguments, metadata).await;
        let event: String = ended.stdout.split_whitespace().collect();
        assert!(event.contains(&format!("\"metadata\":{metadata}")), "{ended:?}");
    }
}

/// Moves the cursor, changes the color, and reverses the text.
const SPECIAL: &str = "\u{1b}[31mred\u{9b}2J\u{202e}fdp";

const ESCAPED: &str = "\\u{1b}[31mred\\u{9b}2J\\u{202e}fdp";

async fn special_characters_are_escaped_in_every_output(service: TestServer) {
    let append = ["audit", "append", "--action", "a", "--actor-name", SPECIAL];
    let event = service.json(&append).await;
    assert_eq!(event["actor_name"], SPECIAL);
    let since = ["--since", "2026-01-01"];
    let outputs = [
        service.run(&append).await,
        service.run(&[append.as_slice(), &["--output", "json"]].concat()).await,
        service.run(&[["audit", "list"].as_slice(), &since].concat()).await,
        service.run(&["audit", "list", "--output", "json"]).await,
        service.run(&["audit", "export"]).await,
        service.run(&["audit", "export", "--format", "csv"]).await,
        // In an error of the service, of the arguments, and of the program.
        service.run(&["tenant", "get-by-slug", SPECIAL]).await,
        service
            .run(&["tenant", "create", "--name", "x", "--slug", SPECIAL])
            .await,
        service.run(&[SPECIAL]).await,
        service.run(&["api-key", "verify", "--key-file", SPECIAL]).await,
    ];
    for ended in outputs {
        let printed = format!("{}{}", ended.stdout, ended.stderr);
        assert!(printed.contains("red"), "{printed:?}");
        let special = |it: char| it.is_control() && !matches!(it, '\n' | '\r') || it == '\u{202e}';
        assert!(!printed.contains(special), "{printed:?}");
    }
}

async fn table_output_is_formatted(service: TestServer) {
    let none = service.run(&["audit", "list"]).await;
    assert_eq!(none.stdout, "(none)\n");
    let acme = service.json(&["tenant", "get-by-slug", "acme"]).await;
    let id = acme["id"].as_str().unwrap();
    service
        .json(&[
            "audit",
            "append",
            "--action",
            "red",
            "--actor-name",
            SPECIAL,
            "--tenant-id",
            id,
            "--actor-id",
            &"x".repeat(60),
        ])
        .await;
    let list = service.run(&["audit", "list"]).await;
    let rows: Vec<&str> = list.stdout.lines().collect();
    assert!(
        rows[1].contains("action") && rows[1].contains("created_at") && !rows[1].contains("product"),
        "{list:?}"
    );
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{list:?}");
    assert!(
        list.stderr.contains("actor_id") && list.stderr.contains("--columns"),
        "{list:?}"
    );
    let chosen = service
        .run(&["audit", "list", "--columns", "tenant_id,actor_name"])
        .await;
    assert!(
        chosen.stdout.contains(id) && chosen.stdout.contains(ESCAPED),
        "{chosen:?}"
    );
    assert_eq!(chosen.stderr, "");
    let one = service.run(&["tenant", "get-by-slug", "acme"]).await;
    assert!(
        one.stdout
            .lines()
            .any(|line| line.contains("slug") && line.contains("acme")),
        "{one:?}"
    );
}

async fn tenants_are_found_by_words(service: TestServer) {
    for slug in ["blue-sky", "blue-moon", "red-moon"] {
        service
            .json(&["tenant", "create", "--slug", slug, "--name", slug])
            .await;
    }
    let find = async |arguments: &[&str]| {
        let ended = service
            .run(&[&["tenant", "find", "--output", "json"], arguments].concat())
            .await;
        let page: Value = serde_json::from_str(&ended.stdout).unwrap();
        let items = page["items"].as_array().unwrap();
        let slugs: Vec<String> = items
            .iter()
            .map(|item| item["slug"].as_str().unwrap().to_owned())
            .collect();
        (slugs, ended.stderr.contains("--all"))
    };
    assert_eq!(find(&["BLUE", "m"]).await, (vec!["blue-moon".to_owned()], false));
    assert_eq!(
        find(&["moon", "--limit", "1"]).await,
        (vec!["red-moon".to_owned()], true)
    );
    let all = vec!["red-moon".to_owned(), "blue-moon".to_owned()];
    assert_eq!(find(&["moon", "--all"]).await, (all, false));
    assert_eq!(find(&["moon", "--status", "frozen"]).await, (Vec::new(), false));
    let table = service.run(&["tenant", "find", "sky"]).await;
    assert!(
        table.stdout.contains("blue-sky") && !table.stdout.contains("moon"),
        "{table:?}"
    );
    service.run(&["tenant", "find"]).await.assert_failed(2, &["WORD"]);
    let given = ["tenant", "find", "sky", "--q", "sky"];
    service
        .run(&given)
        .await
        .assert_failed(2, &["give the words without a flag"]);
}
