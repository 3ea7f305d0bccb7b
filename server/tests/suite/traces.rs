//! The traces that a collector receives, and the log lines that refer to them.

use crate::harness::collector::{Collector, attribute};
use crate::harness::polling::until;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawResponse, StoreUnderTest, cases::cases};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

cases![
    continues_the_callers_trace,
    a_malformed_traceparent_starts_a_new_trace,
    does_not_sample_what_the_caller_does_not_sample,
    samples_a_share_of_the_traces,
    only_server_errors_are_span_errors,
    a_failing_collector_loses_only_spans,
];

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A service process and its database, if any.
struct Traced {
    process: ServiceProcess,
    database: Option<TestDatabase>,
}

async fn traced(store: StoreUnderTest, collector: &Collector, variables: &[(&str, &str)]) -> Traced {
    let database = match store {
        StoreUnderTest::Memory => None,
        StoreUnderTest::Postgres => Some(TestDatabase::create().await),
    };
    let process = ServiceProcess::serve(&|command| {
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            .env("LOG_LEVEL", "debug")
            .envs(database.as_ref().map(|database| ("DATABASE_URL", database.url())))
            .envs(variables.iter().copied())
    })
    .await;
    Traced { process, database }
}

async fn get(process: &ServiceProcess, path: &str, traceparent: &str) -> RawResponse {
    let request = process.raw.request(Method::GET, path);
    RawResponse::from_request(request.header("traceparent", traceparent)).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The span of the request with this response.
#[track_caller]
fn of_request(spans: &[Span], response: &RawResponse) -> Span {
    let id = response.header("x-request-id");
    let mut found = spans
        .iter()
        .filter(|span| attribute(span, "request.id").as_deref() == Some(id));
    let span = found.next().unwrap_or_else(|| panic!("{id}: {spans:?}"));
    assert!(found.next().is_none(), "{id}: {spans:?}");
    span.clone()
}

/// The log lines of a request, found by its id.
fn lines(stderr: &str, response: &RawResponse) -> Vec<Value> {
    let id = response.header("x-request-id");
    let lines = stderr.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["request_id"] == id).collect()
}

async fn continues_the_callers_trace(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let Traced { process, database } = traced(
        store,
        &collector,
        &[
            ("OTEL_SERVICE_NAME", "registry-of-the-test"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-the-test"),
        ],
    )
    .await;
    let tenant = json!({ "slug": "traced", "name": "Traced" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let request = process
        .raw
        .request(Method::POST, "/v1/api-keys")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=value")
        .json(&json!({ "tenant_id": tenant["id"], "name": "n" }));
    let response = RawResponse::from_request(request).await;
    assert_eq!(response.status, 201);

    let ended = process.stop().await;
    let spans = collector.spans();
    let span = of_request(&spans, &response);
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (TRACE.to_owned(), CALLER.to_owned())
    );
    assert_eq!((span.name.as_str(), span.kind()), ("api_key_create", SpanKind::Server));
    assert_eq!(span.trace_state, "vendor=value");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/api-keys"),
        ("http.response.status_code", "201"),
        ("url.path", "/v1/api-keys"),
        ("url.scheme", "http"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(value), "{span:?}");
    }

    let below: Vec<_> = spans
        .iter()
        .filter(|other| other.parent_span_id == span.span_id)
        .collect();
    let mut names: Vec<_> = below.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        match database {
            None => vec!["argon2id"],
            Some(_) => vec!["argon2id", "look_up", "transaction"],
        }
    );
    for child in below {
        assert_eq!(hex(&child.trace_id), TRACE);
        let (database, is_client) = (attribute(child, "db.system.name"), child.kind() == SpanKind::Client);
        assert_eq!(
            database.is_some_and(|name| name == "postgresql"),
            is_client,
            "{child:?}"
        );
    }

    let lines = lines(&ended.stderr, &response);
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["operation completed", "request completed"]);
    for line in &lines {
        assert_eq!(
            (&line["trace_id"], &line["operation"]),
            (&TRACE.into(), &"api_key_create".into())
        );
    }

    for export in collector.exports() {
        assert_eq!(export.path, "/v1/traces");
        assert_eq!(export.headers["authorization"], "Bearer of-the-test");
        let resource = format!("{:?}", export.decoded.resource_spans[0].resource);
        assert!(resource.contains("registry-of-the-test"), "{resource}");
    }
    assert!(!ended.stderr.contains("of-the-test"), "{}", ended.stderr);
}

async fn a_malformed_traceparent_starts_a_new_trace(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let Traced {
        process,
        database: _database,
    } = traced(store, &collector, &[]).await;
    let mut responses = Vec::new();
    for parent in [
        "",
        "00-1-2-01",
        &format!("00-{TRACE}-{CALLER}"),
        &format!("ff-{TRACE}-{CALLER}-01"),
    ] {
        responses.push(get(&process, "/v1/catalog", parent).await);
    }
    let ended = process.stop().await;
    let spans = collector.spans();
    let mut traces: Vec<_> = responses
        .iter()
        .map(|response| {
            let span = of_request(&spans, response);
            assert!(span.parent_span_id.is_empty(), "{span:?}");
            let trace = hex(&span.trace_id);
            for line in lines(&ended.stderr, response) {
                assert_eq!(line["trace_id"], trace.as_str());
            }
            trace
        })
        .collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), responses.len(), "each request starts its own trace");
    assert!(!traces.contains(&TRACE.to_owned()));
}

async fn does_not_sample_what_the_caller_does_not_sample(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let Traced {
        process,
        database: _database,
    } = traced(store, &collector, &[]).await;
    let response = get(&process, "/v1/catalog", &format!("00-{TRACE}-{CALLER}-00")).await;
    let ended = process.stop().await;
    assert_eq!(collector.spans(), []);
    for line in lines(&ended.stderr, &response) {
        assert_eq!(line["trace_id"], TRACE);
    }
}

async fn samples_a_share_of_the_traces(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let variables = [("OTEL_TRACES_SAMPLER_ARG", "0")];
    let Traced {
        process,
        database: _database,
    } = traced(store, &collector, &variables).await;
    assert_eq!(process.raw.get("/v1/catalog").await.status, 200);
    let kept = get(&process, "/v1/catalog", &format!("00-{TRACE}-{CALLER}-01")).await;
    process.stop().await;
    let spans = collector.spans();
    assert_eq!(
        (spans.len(), hex(&of_request(&spans, &kept).trace_id)),
        (1, TRACE.to_owned())
    );
}

async fn only_server_errors_are_span_errors(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let variables = [("DATABASE_POOL_TIMEOUT", "1"), ("DATABASE_STATEMENT_TIMEOUT", "1")];
    let Traced { process, database } = traced(store, &collector, &variables).await;
    let rejected = process.raw.get("/v1/tenants/by-slug/nobody").await;
    assert_eq!(rejected.status, 404);
    let failed = match database {
        None => None,
        Some(database) => {
            drop(database);
            let failed = until("the database is gone", async || {
                let response = process.raw.get("/v1/tenants/by-slug/nobody").await;
                (response.status == 503).then_some(response)
            });
            Some(failed.await)
        }
    };
    let ended = process.stop().await;
    let spans = collector.spans();
    let rejected = of_request(&spans, &rejected);
    assert!(rejected.status.is_none_or(|status| status.code() == StatusCode::Unset));
    // The in-memory store does not fail.
    let Some(failed) = failed else {
        return;
    };
    let span = of_request(&spans, &failed);
    assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("503"));
    let below = spans.iter().find(|other| other.parent_span_id == span.span_id).unwrap();
    assert_eq!(below.status.as_ref().unwrap().code(), StatusCode::Error);
    // The log has the cause, with the same trace id.
    let lines = lines(&ended.stderr, &failed);
    let cause = lines.iter().find(|line| line["level"] == "WARN").unwrap();
    assert_eq!(cause["trace_id"], hex(&span.trace_id).as_str());
}

async fn a_failing_collector_loses_only_spans(store: StoreUnderTest) {
    let collector = Collector::start().await;
    collector.respond_with(hyper::StatusCode::BAD_REQUEST);
    let Traced {
        process,
        database: _database,
    } = traced(store, &collector, &[]).await;
    for _ in 0..2 {
        assert_eq!(process.raw.get("/v1/catalog").await.status, 200);
        process.logged("the collector accepts no spans").await;
    }
    collector.respond_with(hyper::StatusCode::OK);
    let response = process.raw.get("/v1/catalog").await;
    process.logged("the collector accepts spans again").await;
    of_request(&collector.spans(), &response);
    let ended = process.stop().await;
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stderr.matches("the collector accepts no spans").count(), 1);
}
