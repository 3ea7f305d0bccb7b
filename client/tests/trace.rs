//! The spans of requests. The only test of its program, because the subscriber is that of all threads.
#![expect(clippy::expect_used, reason = "a failing test panics")]

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenant_registry_client::types::TenantId;
use tenant_registry_client::{Client, RetryPolicy};
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().expect("no test panics while it holds the lock");
        log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts a server that is busy at first and then knows no tenant.
fn serve() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base_url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for (status, headers, code) in [(503, "retry-after: 0\r\n", "unavailable"), (404, "", "not_found")] {
            let (mut connection, _) = listener.accept().expect("a connection");
            let _ = connection.read(&mut [0; 4096]).expect("a request");
            let body = format!(r#"{{"error": "{code}", "message": "a message"}}"#);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Scripted\r\n{headers}connection: close\r\ncontent-length: {length}");
            write!(connection, "{head}\r\n\r\n{body}").expect("the client listens");
        }
    });
    Ok(base_url)
}

#[tokio::test]
async fn a_request_has_a_span_without_its_url() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .json()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .init();
    let retry = RetryPolicy {
        initial_delay: Duration::from_micros(1),
        ..RetryPolicy::default()
    };
    let base_url = serve().expect("a free port");
    let client = Client::builder(&base_url)
        .retry(retry)
        .build()
        .expect("the settings are valid");
    let id: TenantId = "0190b8a5-7b1c-7c3e-9d52-0242ac120002".parse().expect("it is an id");
    client.tenant_get().id(id).send().await.expect_err("there is no tenant");
    let log = log.0.lock().expect("no test panics while it holds the lock").clone();
    let log = String::from_utf8(log).expect("JSON is UTF-8");
    let span = log.lines().find(|line| line.contains("\"tenant_registry\""));
    let span: serde_json::Value = serde_json::from_str(span.expect("the span was closed")).expect("a line is JSON");
    let span = &span["span"];
    assert_eq!(span["otel.name"], "tenant_get");
    assert_eq!(span["http.request.method"], "GET");
    assert_eq!(span["http.response.status_code"], 404);
    assert_eq!(span["http.request.resend_count"], 1);
    assert!(!log.contains(&id.to_string()), "{log}");
}
