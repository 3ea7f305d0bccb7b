//! What the binary logs, and what it never does.

use crate::harness::cases::process_cases;
use crate::harness::process::Process;
use crate::harness::{Answer, process::Ended};
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::{ApiKeyCreated, Tenant};

process_cases![
    every_request_is_one_line_with_the_id_of_its_answer,
    text_lines_have_the_id_too,
    no_log_shows_a_plaintext,
];

/// Requests of all kinds; returns the id and the status of each answer.
async fn requests(process: &Process) -> Vec<(String, u16)> {
    let mut answers = Vec::new();
    for path in [
        "/healthz",
        "/v1/catalog",
        "/v1/tenants/x",
        "/v1/tenants/by-slug/nobody",
        "/nothing",
    ] {
        answers.push(process.raw.get(path).await);
    }
    answers.push(process.raw.post("/v1/audit", r#"{"action": "a"}"#).await);
    answers.push(process.raw.post("/v1/audit", "{").await);
    answers.push(process.raw.post("/v1/internal/api-keys/verify", "{}").await);
    answers
        .iter()
        .map(|answer| (answer.header("x-request-id").to_owned(), answer.status))
        .collect()
}

async fn every_request_is_one_line_with_the_id_of_its_answer() {
    let process = Process::serve(&|command| command).await;
    let requests = requests(&process).await;
    let Ended { stderr, .. } = process.stop().await;
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, status) in &requests {
        let about: Vec<_> = lines.iter().filter(|line| line["request_id"] == id.as_str()).collect();
        let [line] = about.as_slice() else {
            panic!("{status}: {about:?}");
        };
        assert_eq!(line["status"], *status, "{line}");
        assert!(
            line["method"].is_string() && line["uri"].is_string() && line["latency_us"].is_u64(),
            "{line}"
        );
    }
    let with_request = lines.iter().filter(|line| line["request_id"].is_string());
    assert_eq!(with_request.count(), requests.len(), "{stderr}");
}

async fn text_lines_have_the_id_too() {
    let process = Process::serve(&|command| command.env("LOG_FORMAT", "text")).await;
    let requests = requests(&process).await;
    let Ended { stderr, .. } = process.stop().await;
    for (id, _) in requests {
        assert_eq!(stderr.lines().filter(|line| line.contains(&id)).count(), 1, "{stderr}");
    }
}

/// Wherever a key is put by mistake, and however much is logged.
async fn no_log_shows_a_plaintext() {
    let process = Process::serve(&|command| command.env("LOG_LEVEL", "trace")).await;
    let acme: Tenant = process.raw.get("/v1/tenants/by-slug/acme").await.json();
    let body = json!({ "tenant_id": acme.id, "name": "n" });
    let created: ApiKeyCreated = process.raw.post_json("/v1/api-keys", &body).await.json();
    let key = created.plaintext.expose_secret();

    let verify = "/v1/internal/api-keys/verify";
    let verified = process.raw.post_json(verify, &json!({ "key": key })).await;
    assert_eq!(verified.json::<Value>()["valid"], true);
    process.raw.post(verify, format!("{{\"key\": \"{key}\"")).await;
    process.raw.post_json(verify, &json!({ "key": { "key": key } })).await;
    for path in [
        format!("/v1/tenants/{key}"),
        format!("/v1/tenants/by-slug/{key}"),
        format!("/v1/audit?limit={key}"),
        format!("/{key}"),
    ] {
        assert!(process.raw.get(&path).await.status >= 400);
    }
    process
        .raw
        .post_json("/v1/audit", &json!({ "action": key, "tenant_id": key }))
        .await;
    let odd_headers = process
        .raw
        .request(Method::GET, "/healthz")
        .header("authorization", key)
        .header("user-agent", key);
    Answer::of(odd_headers).await;
    let odd_type = process
        .raw
        .request(Method::POST, "/v1/audit")
        .header("content-type", key)
        .body("x");
    Answer::of(odd_type).await;

    let ended = process.stop().await;
    assert!(ended.stderr.contains("request completed"), "{}", ended.stderr);
    for said in [ended.stderr, ended.stdout] {
        // The first characters are the prefix, which is no secret.
        assert!(!said.contains(&key[11..]), "{said}");
    }
}
