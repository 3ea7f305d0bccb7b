//! `registry audit export`.

use std::fs;

use libtest_mimic::Trial;
use tenant_registry_client::types::{AuditAppend, AuditEvent, Format, Timestamp};
use tokio::task::JoinSet;

use crate::harness::{TestServer, on_memory, on_stores};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_stores(
            "an_export_of_many_pages_equals_the_list",
            an_export_of_many_pages_equals_the_list,
        ),
        on_memory("an_export_applies_the_filters", an_export_applies_the_filters),
        on_memory("csv_follows_rfc_4180", csv_follows_rfc_4180),
        on_memory(
            "csv_contains_no_formula_unless_it_is_raw",
            csv_contains_no_formula_unless_it_is_raw,
        ),
        on_memory("a_time_can_be_a_date_or_an_age", a_time_can_be_a_date_or_an_age),
        on_memory(
            "a_file_is_written_completely_or_not_at_all",
            a_file_is_written_completely_or_not_at_all,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn append(action: &str) -> AuditAppend {
    AuditAppend::new(action.try_into().unwrap())
}

/// All events, in pages of the default size.
async fn listed(service: &TestServer) -> Vec<AuditEvent> {
    let mut page = service.client.audit_list().send().await.unwrap().into_inner();
    let mut events = page.items;
    while let Some(cursor) = page.next_cursor {
        page = service
            .client
            .audit_list()
            .cursor(cursor)
            .send()
            .await
            .unwrap()
            .into_inner();
        events.extend(page.items);
    }
    events
}

async fn exported(service: &TestServer, arguments: &[&str]) -> Vec<AuditEvent> {
    let ended = service.run(&[&["audit", "export"], arguments].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn an_export_of_many_pages_equals_the_list(service: TestServer) {
    let mut appends = JoinSet::new();
    for number in 0..1203 {
        if appends.len() >= 32 {
            appends.join_next().await.unwrap().unwrap();
        }
        let client = service.client.clone();
        appends.spawn(async move {
            let body = append(&format!("a.{number}"));
            client.audit_append().body(body).send().await.unwrap();
        });
    }
    while let Some(appended) = appends.join_next().await {
        appended.unwrap();
    }
    let events = listed(&service).await;
    assert_eq!(events.len(), 1203);
    assert!(exported(&service, &[]).await == events);
    let csv = service.run(&["audit", "export", "--format", "csv"]).await.stdout;
    assert_eq!(
        csv::Reader::from_reader(csv.as_bytes()).into_records().count(),
        events.len()
    );
}

async fn an_export_applies_the_filters(service: TestServer) {
    for action in ["a", "b", "a"] {
        service.client.audit_append().body(append(action)).send().await.unwrap();
    }
    let events = exported(&service, &["--action", "a"]).await;
    assert_eq!(events.iter().map(|event| event.id.get()).collect::<Vec<_>>(), [3, 1]);
    let csv = service
        .run(&["audit", "export", "--format", "csv", "--action", "none"])
        .await
        .stdout;
    assert!(
        csv.starts_with("id,created_at,")
            && csv.ends_with("origin,occurred_at,targets\r\n")
            && csv.lines().count() == 1,
        "{csv}"
    );
}

async fn a_time_can_be_a_date_or_an_age(service: TestServer) {
    let body = append("a");
    service.client.audit_append().body(body).send().await.unwrap();
    for (since, events) in [("1h", 1), ("7d", 1), ("2026-01-01", 1), ("0s", 0), ("9999-12-31", 0)] {
        let exported = exported(&service, &["--since", since]).await;
        assert_eq!(exported.len(), events, "{since}");
    }
    let until = exported(&service, &["--until", "1h"]).await;
    assert_eq!(until.len(), 0);
}

async fn csv_follows_rfc_4180(service: TestServer) {
    let mut body = append("say.\"hello\"");
    body.actor_name = Some("Lovelace, Ada".try_into().unwrap());
    body.target_name = Some("two\r\nlines".try_into().unwrap());
    body.metadata = Some(serde_json::from_str(r#"{"z": [1, "a,b"]}"#).unwrap());
    body.occurred_at = Some(Timestamp::parse("2026-11-23T09:29:58Z").unwrap());
    body.targets = Some(serde_json::from_str(r#"[{"id": "r-1", "type": "report"}]"#).unwrap());
    service.client.audit_append().body(body).send().await.unwrap();
    let csv = service.run(&["audit", "export", "--format", "csv"]).await.stdout;
    for quoted in [
        "\"say.\"\"hello\"\"\"",
        "\"Lovelace, Ada\"",
        "\"two\r\nlines\"",
        "\"{\"\"z\"\":[1,\"\"a,b\"\"]}\"",
    ] {
        assert!(csv.contains(quoted), "{quoted}: {csv}");
    }
    assert!(csv.ends_with("\r\n"));
    // A parsed record equals the event of the list.
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let record = reader.records().next().unwrap().unwrap();
    let event = serde_json::to_value(&listed(&service).await[0]).unwrap();
    let event = event.as_object().unwrap();
    for name in event.keys() {
        assert!(names.iter().any(|column| column == name), "{name}");
    }
    for (name, cell) in names.iter().zip(&record) {
        let said = event.get(name).map_or_else(String::new, |value| {
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        });
        assert_eq!(cell, said, "{name}");
    }
}

async fn csv_contains_no_formula_unless_it_is_raw(service: TestServer) {
    for text in [
        "=HYPERLINK(\"http://x.example\",\"x\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
    ] {
        let mut body = append("a");
        body.actor_name = Some(text.try_into().unwrap());
        service.client.audit_append().body(body).send().await.unwrap();
        let export = ["audit", "export", "--format", "csv"];
        let actor_name = |csv: String| {
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let column = reader.headers().unwrap().iter().position(|name| name == "actor_name");
            reader.records().next().unwrap().unwrap()[column.unwrap()].to_owned()
        };
        assert_eq!(actor_name(service.run(&export).await.stdout), format!("'{text}"));
        let raw = service.run(&[export.as_slice(), &["--raw"]].concat()).await;
        assert_eq!(actor_name(raw.stdout), text);
    }
}

async fn a_file_is_written_completely_or_not_at_all(service: TestServer) {
    service.client.audit_append().body(append("a")).send().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.ndjson");
    let arguments = ["audit", "export", "--output-file", path.to_str().unwrap()];
    let ended = service.run(&arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    let whole = fs::read_to_string(&path).unwrap();
    let event: AuditEvent = serde_json::from_str(&whole).unwrap();
    assert_eq!(vec![event], listed(&service).await);
    // An unavailable service leaves the old file and no temporary one.
    let mut command = service.command();
    command.args(arguments).env("TENANT_REGISTRY_URL", "http://127.0.0.1:1");
    crate::harness::ended(&mut command, "")
        .await
        .assert_failed(6, &["no response"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = service
        .run(&["audit", "export", "--output-file", "no/such/directory"])
        .await;
    nowhere.assert_failed(1, &["cannot write no/such/directory: No such file"]);
}
