//! `registry audit tail`.

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use tenant_registry_client::types::{AuditAppend, AuditEvent};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::harness::{TestServer, on_memory, on_stores};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_stores("shows_each_new_event_once", shows_each_new_event_once),
        on_stores("starts_at_the_given_time", starts_at_the_given_time),
        on_memory("applies_the_filters", applies_the_filters),
        on_memory(
            "a_table_line_starts_with_time_and_action",
            a_table_line_starts_with_time_and_action,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(service: &TestServer, arguments: &[&str]) -> Self {
        let mut command = service.command();
        let mut child = command.args(["audit", "tail"]).args(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().unwrap()
    }

    async fn event(&mut self) -> AuditEvent {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// Sends Ctrl-C, and fails if there is further output.
    async fn end(mut self) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
        assert_eq!(self.lines.next_line().await.unwrap(), None);
        let output = self.child.wait_with_output().await.unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), b"".as_slice())
        );
    }
}

async fn append(service: &TestServer, action: &str) -> AuditEvent {
    let body = AuditAppend::new(action.try_into().unwrap());
    service
        .client
        .audit_append()
        .body(body)
        .send()
        .await
        .unwrap()
        .into_inner()
}

async fn shows_each_new_event_once(service: TestServer) {
    let old = append(&service, "old").await;
    let mut tail = Tail::start(&service, &["--output", "json"]);
    // The start is somewhere among these. From the first shown event on, none is missing.
    let mut appended = Vec::new();
    let first = loop {
        appended.push(append(&service, "early").await);
        tokio::select! {
            biased;
            first = tail.event() => break first,
            () = tokio::task::yield_now() => {}
        }
    };
    assert!(first != old, "events before the start are not shown");
    for _ in 0..3 {
        appended.push(append(&service, "late").await);
    }
    let expected = appended.iter().skip_while(|event| **event != first).skip(1);
    for event in expected {
        assert_eq!(tail.event().await, *event);
    }
    tail.end().await;
}

async fn starts_at_the_given_time(service: TestServer) {
    let before = append(&service, "before").await;
    let first = append(&service, "first").await;
    let since = first.created_at.to_string();
    let mut tail = Tail::start(&service, &["--output", "json", "--since", &since, "--interval", "1"]);
    if before.created_at == first.created_at {
        assert_eq!(tail.event().await, before);
    }
    assert_eq!(tail.event().await, first);
    let mut appended = Vec::new();
    for _ in 0..3 {
        appended.push(append(&service, "next").await);
    }
    for event in appended {
        assert_eq!(tail.event().await, event);
    }
    tail.end().await;
}

async fn applies_the_filters(service: TestServer) {
    let since = ["--output", "json", "--since", "2026-01-01T00:00:00Z", "--action", "yes"];
    append(&service, "no").await;
    let wanted = append(&service, "yes").await;
    let mut tail = Tail::start(&service, &since);
    assert_eq!(tail.event().await, wanted);
    append(&service, "no").await;
    let wanted = append(&service, "yes").await;
    assert_eq!(tail.event().await, wanted);
    tail.end().await;
}

async fn a_table_line_starts_with_time_and_action(service: TestServer) {
    let event = append(&service, "report.exported").await;
    let mut tail = Tail::start(&service, &["--since", "2026-01-01T00:00:00Z"]);
    let line = tail.line().await;
    let time = event.created_at;
    assert!(
        line.starts_with(&format!("{time}  report.exported  id={}", event.id)),
        "{line}"
    );
    tail.end().await;
}
