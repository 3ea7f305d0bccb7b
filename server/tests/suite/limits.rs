//! The limits on slow, large and too many requests.

use crate::harness::cases::process_cases;
use crate::harness::polling::{DEADLINE, until};
use crate::harness::process::ServiceProcess;
use crate::process::started_request;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

process_cases![
    a_slow_body_is_rejected_and_the_connection_closed,
    a_large_head_is_rejected_and_the_connection_closed,
    a_caller_whose_bodies_use_its_share_is_rejected_with_retry_after,
    a_caller_without_a_connection_waits_for_one,
];

/// Sends bytes on a new connection and returns all that the service sends until it closes the connection.
async fn response_to(process: &ServiceProcess, sent: &[u8]) -> String {
    let mut connection = TcpStream::connect(process.address).await.unwrap();
    connection.write_all(sent).await.unwrap();
    let mut response = String::new();
    let reading = connection.read_to_string(&mut response);
    timeout(DEADLINE, reading).await.expect("the connection ends").unwrap();
    response
}

async fn a_slow_body_is_rejected_and_the_connection_closed() {
    let process = ServiceProcess::serve(&|command| command.env("BODY_TIMEOUT", "1")).await;
    let head = "POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let declared = format!("{head}Content-Length: 100\r\n\r\n{{");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n");
    for sent in [declared, chunked] {
        let response = response_to(&process, sent.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{response}");
        assert!(response.contains("the body did not arrive within 1 s"), "{response}");
    }
    assert_eq!(process.raw.get("/v1/audit").await.text, r#"{"items":[]}"#);
}

/// hyper limits a head to 408 KiB, 100 fields and a target of 64 KiB.
async fn a_large_head_is_rejected_and_the_connection_closed() {
    let process = ServiceProcess::serve(&|command| command).await;
    let head = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let fields = (0..100).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    let response = response_to(&process, head("/healthz", &fields).as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    assert!(
        response.contains(r#"{"error":"invalid_input","message":"the headers are too"#),
        "{response}"
    );
    let response = response_to(&process, head(&format!("/{}", "x".repeat(70_000)), "").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 414 "), "{response}");
    assert!(
        response.contains(r#"{"error":"invalid_input","message":"the URL is too long"#),
        "{response}"
    );
    // Unread bytes may reset the connection before the response is read; in both cases it is closed.
    let mut connection = TcpStream::connect(process.address).await.unwrap();
    let large = head("/healthz", &format!("X: {}\r\n", "x".repeat(8 * 1024 * 1024)));
    let writing = connection.write_all(large.as_bytes());
    assert!(timeout(DEADLINE, writing).await.expect("the connection ends").is_err());
    assert_eq!(process.raw.get("/healthz").await.status, 200);
}

/// Also while the connections that are open send nothing.
async fn a_caller_without_a_connection_waits_for_one() {
    let process = ServiceProcess::serve(&|command| command.env("MAX_CONNECTIONS", "16")).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..16 {
        let mut connection = TcpStream::connect(process.address).await.unwrap();
        connection.write_all(request).await.unwrap();
        let mut first = [0];
        connection.read_exact(&mut first).await.unwrap();
        open.push(connection);
    }
    let mut waiting = TcpStream::connect(process.address).await.unwrap();
    waiting.write_all(request).await.unwrap();
    let mut first = [0];
    let early = timeout(Duration::from_millis(300), waiting.read_exact(&mut first)).await;
    assert!(early.is_err(), "the service accepts more than 16 connections");
    open.pop();
    let reading = waiting.read_exact(&mut first);
    timeout(DEADLINE, reading)
        .await
        .expect("the connection is accepted")
        .unwrap();
}

/// The memory for bodies is MAX_REQUESTS times BODY_LIMIT. This body takes all of it.
async fn a_caller_whose_bodies_use_its_share_is_rejected_with_retry_after() {
    let body_limit = 64 * 1024 * 1024;
    let process = ServiceProcess::serve(&|command| {
        command
            .env("MAX_REQUESTS", "1")
            .env("BODY_LIMIT", body_limit.to_string())
            .env("RETRY_AFTER", "7")
    })
    .await;
    let running = started_request(process.address, body_limit).await;
    let response = process.raw.get("/v1/catalog").await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, "7"),
        "{response:?}"
    );
    let verify = json!({ "key": "bp_Zm9vYmFyYmF6cXV4MTIzNA" });
    let verified = process.raw.post_json("/v1/internal/api-keys/verify", &verify).await;
    assert_eq!(verified.status, 200);
    assert_eq!(verified.text, r#"{"valid":false,"reason":"unavailable"}"#);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(process.raw.get(probe).await.status, 200, "{probe}");
    }
    drop(running);
    until("the memory is returned", async || {
        (process.raw.get("/v1/catalog").await.status == 200).then_some(())
    })
    .await;
}
