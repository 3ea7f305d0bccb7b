//! The spans of requests.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tenant_registry_client::types::TenantId;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::script::{Response, Script, TENANT, UNAVAILABLE};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics while it holds the lock")
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_has_a_span_without_its_url() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let script = Script::start([
        Response::With(503, "retry-after: 0\r\n", UNAVAILABLE),
        Response::With(200, "", TENANT),
    ])
    .await;
    let id: TenantId = "0190b8a5-7b1c-7c3e-9d52-0242ac120002".parse().expect("it is an id");
    script
        .client()
        .tenant_get()
        .id(id)
        .send()
        .await
        .expect("the response is a tenant");
    drop(guard);
    let log = log.0.lock().expect("no test panics while it holds the lock").clone();
    let log = String::from_utf8(log).expect("JSON is UTF-8");
    let span = log
        .lines()
        .find(|line| line.contains("\"tenant_registry\""))
        .expect("the span was closed");
    let span: serde_json::Value = serde_json::from_str(span).expect("a line is JSON");
    let span = &span["span"];
    assert_eq!(span["otel.name"], "tenant_get");
    assert_eq!(span["http.request.method"], "GET");
    assert_eq!(span["http.response.status_code"], 200);
    assert_eq!(span["http.request.resend_count"], 1);
    assert!(!log.contains(&id.to_string()), "{log}");
}
