//! What the binary logs, and what it never does.

use crate::harness::cases::process_cases;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawResponse, process::Ended};
use reqwest::Method;
use serde_json::Value;

process_cases![
    every_request_is_one_line_with_the_id_of_its_answer,
    text_lines_have_the_id_too,
    a_line_names_the_callers_trace,
];

/// Requests of all kinds; returns the id and the status of each answer.
async fn requests(process: &ServiceProcess) -> Vec<(String, u16)> {
    let mut answers = Vec::new();
    for path in [
        "/healthz",
        "/v1/catalog",
        "/v1/tenants/x",
        "/v1/tenants/by-slug/nobody",
        "/nothing",
        "/v1/tenants/by-slug",
        "/openapi.json",
        "/%ff",
    ] {
        answers.push(process.raw.get(path).await);
    }
    answers.push(process.raw.post("/v1/audit", r#"{"action": "a"}"#).await);
    answers.push(process.raw.post("/v1/audit", "{").await);
    answers.push(process.raw.post("/v1/internal/api-keys/verify", "{}").await);
    answers.push(process.raw.post("/v1/catalog", "").await);
    answers.push(process.raw.post("/docs", "").await);
    answers
        .iter()
        .map(|answer| (answer.header("x-request-id").to_owned(), answer.status))
        .collect()
}

async fn every_request_is_one_line_with_the_id_of_its_answer() {
    let process = ServiceProcess::serve(&|command| command).await;
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
    let process = ServiceProcess::serve(&|command| command.env("LOG_FORMAT", "text")).await;
    let requests = requests(&process).await;
    let Ended { stderr, .. } = process.stop().await;
    for (id, _) in requests {
        assert_eq!(stderr.lines().filter(|line| line.contains(&id)).count(), 1, "{stderr}");
    }
}

/// Also where nothing is traced here.
async fn a_line_names_the_callers_trace() {
    let process = ServiceProcess::serve(&|command| command).await;
    let mut ids = Vec::new();
    for path in ["/v1/catalog", "/openapi.json"] {
        let request = process.raw.request(Method::GET, path);
        let traced = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        let answer = RawResponse::from_request(traced).await;
        ids.push((answer.header("x-request-id").to_owned(), true));
        let answer = process.raw.get(path).await;
        ids.push((answer.header("x-request-id").to_owned(), false));
    }
    let Ended { stderr, .. } = process.stop().await;
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, is_traced) in ids {
        let line = lines.iter().find(|line| line["request_id"] == id.as_str()).unwrap();
        let trace = line.get("trace_id").and_then(Value::as_str);
        assert_eq!(trace, is_traced.then_some("0af7651916cd43dd8448eb211c80319c"), "{line}");
    }
}
