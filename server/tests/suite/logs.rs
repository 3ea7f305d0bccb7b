//! The log lines of the service.

use crate::harness::cases::process_cases;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawResponse, process::Ended};
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

process_cases![
    every_request_has_a_line_with_its_request_id,
    text_lines_have_the_request_id,
    a_line_has_the_callers_trace_id,
    invisible_characters_are_escaped,
];

/// Sends requests of all kinds and returns the id and status of each response.
async fn requests(process: &ServiceProcess) -> Vec<(String, u16)> {
    let mut responses = Vec::new();
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
        responses.push(process.raw.get(path).await);
    }
    responses.push(process.raw.post("/v1/audit", r#"{"action": "a"}"#).await);
    responses.push(process.raw.post("/v1/audit", "{").await);
    responses.push(process.raw.post("/v1/internal/api-keys/verify", "{}").await);
    responses.push(process.raw.post("/v1/catalog", "").await);
    responses.push(process.raw.post("/docs", "").await);
    responses
        .iter()
        .map(|response| (response.header("x-request-id").to_owned(), response.status))
        .collect()
}

async fn every_request_has_a_line_with_its_request_id() {
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

async fn text_lines_have_the_request_id() {
    let process = ServiceProcess::serve(&|command| command.env("LOG_FORMAT", "text")).await;
    let requests = requests(&process).await;
    let Ended { stderr, .. } = process.stop().await;
    for (id, _) in requests {
        assert_eq!(stderr.lines().filter(|line| line.contains(&id)).count(), 1, "{stderr}");
    }
}

/// Also if the service exports no traces.
async fn a_line_has_the_callers_trace_id() {
    let process = ServiceProcess::serve(&|command| command).await;
    let mut ids = Vec::new();
    for path in ["/v1/catalog", "/openapi.json"] {
        let request = process.raw.request(Method::GET, path);
        let traced = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        let response = RawResponse::from_request(traced).await;
        ids.push((response.header("x-request-id").to_owned(), true));
        let response = process.raw.get(path).await;
        ids.push((response.header("x-request-id").to_owned(), false));
    }
    let Ended { stderr, .. } = process.stop().await;
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, is_traced) in ids {
        let line = lines.iter().find(|line| line["request_id"] == id.as_str()).unwrap();
        let trace = line.get("trace_id").and_then(Value::as_str);
        assert_eq!(trace, is_traced.then_some("0af7651916cd43dd8448eb211c80319c"), "{line}");
    }
}

async fn invisible_characters_are_escaped() {
    for format in ["json", "text"] {
        let process = ServiceProcess::serve(&|command| command.env("LOG_FORMAT", format)).await;
        let mut connection = TcpStream::connect(process.address).await.unwrap();
        // As it is, which no HTTP client sends.
        let request =
            "GET /nothing?\u{202e}\u{2066}\u{feff}\u{9b} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n";
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        connection.read_to_end(&mut response).await.unwrap();
        let Ended { stderr, .. } = process.stop().await;
        let invisible = |character: char| ['\u{202e}', '\u{2066}', '\u{feff}', '\u{9b}'].contains(&character);
        assert!(!stderr.contains(invisible), "{stderr:?}");
    }
}
