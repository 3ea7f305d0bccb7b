//! What callers cannot take of the service, however slowly they send and however much they ask for.

use crate::harness::cases::process_cases;
use crate::harness::polling::DEADLINE;
use crate::harness::process::ServiceProcess;
use crate::process::started_request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

process_cases![
    a_body_that_takes_too_long_is_refused_and_the_connection_ends,
    a_head_that_is_too_large_is_refused_and_the_connection_ends,
    who_finds_no_place_is_told_to_come_again,
];

/// What comes back on a connection on which this is sent, up to its end, which the service makes.
async fn answer_to(process: &ServiceProcess, sent: &[u8]) -> String {
    let mut connection = TcpStream::connect(process.address).await.unwrap();
    connection.write_all(sent).await.unwrap();
    let mut answer = String::new();
    let reading = connection.read_to_string(&mut answer);
    timeout(DEADLINE, reading).await.expect("the connection ends").unwrap();
    answer
}

async fn a_body_that_takes_too_long_is_refused_and_the_connection_ends() {
    let process = ServiceProcess::serve(&|command| command.env("BODY_TIMEOUT", "1")).await;
    let head = "POST /v1/audit HTTP/1.1\r\nHost: registry\r\nContent-Type: application/json\r\n";
    let declared = format!("{head}Content-Length: 100\r\n\r\n{{");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n");
    for sent in [declared, chunked] {
        let answer = answer_to(&process, sent.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("the body did not arrive within 1 s"), "{answer}");
    }
    assert_eq!(process.raw.get("/v1/audit").await.text, r#"{"items":[]}"#);
}

/// hyper's limits of a head: 408 KiB, 100 fields, 64 KiB of address. Nobody can set them: dropshot makes the connections.
async fn a_head_that_is_too_large_is_refused_and_the_connection_ends() {
    let process = ServiceProcess::serve(&|command| command).await;
    let head = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: registry\r\n{fields}\r\n");
    let fields = (0..100).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    let answer = answer_to(&process, head("/healthz", &fields).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = answer_to(&process, head(&format!("/{}", "x".repeat(70_000)), "").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
    // What the service leaves unread may reset the connection before its answer is read: it ends in either case.
    let mut connection = TcpStream::connect(process.address).await.unwrap();
    let large = head("/healthz", &format!("X: {}\r\n", "x".repeat(8 * 1024 * 1024)));
    let writing = connection.write_all(large.as_bytes());
    assert!(timeout(DEADLINE, writing).await.expect("the connection ends").is_err());
    assert_eq!(process.raw.get("/healthz").await.status, 200);
}

async fn who_finds_no_place_is_told_to_come_again() {
    let process = ServiceProcess::serve(&|command| command.env("MAX_REQUESTS", "1").env("RETRY_AFTER", "7")).await;
    let body = r#"{"action": "slow"}"#;
    let mut running = started_request(process.address, body).await;
    let refused = process.raw.get("/v1/catalog").await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, "7"),
        "{refused:?}"
    );
    let verify = json!({ "key": "trk_0123456789ab_0123456789abcdef" });
    let verified = process.raw.post_json("/v1/internal/api-keys/verify", &verify).await;
    assert_eq!(verified.status, 200);
    assert_eq!(verified.text, r#"{"valid":false,"reason":"unavailable"}"#);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(process.raw.get(probe).await.status, 200, "{probe}");
    }
    running.write_all(body.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    running.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
    assert_eq!(
        process.raw.get("/v1/catalog").await.status,
        200,
        "the place is free again"
    );
}
