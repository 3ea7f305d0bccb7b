//! The metrics, as Prometheus scrapes them.

use crate::harness::cases::process_cases;
use crate::harness::polling::until;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::{ServiceProcess, run};
use crate::harness::{RawClient, RawResponse};
use crate::process::started_request;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

process_cases![
    requests_and_verifications_are_counted,
    there_are_no_metrics_without_an_address,
    rejected_verifications_are_counted_by_cause,
    draining_is_visible,
    an_address_in_use_prevents_the_start,
    ; postgres:
    database_connections_are_counted,
];

/// A service process and a client of its metrics server.
async fn scraped(variables: &[(&str, &str)]) -> (ServiceProcess, RawClient) {
    let (process, base_url) = started(variables).await;
    (process, RawClient::new(base_url))
}

async fn started(variables: &[(&str, &str)]) -> (ServiceProcess, String) {
    let mut process = ServiceProcess::serve(&|command| {
        command
            .env("METRICS_ADDR", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .args(
                variables
                    .iter()
                    .any(|(name, _)| *name == "OIDC_ISSUER")
                    .then_some("--in-memory"),
            )
    })
    .await;
    let base_url = process.metrics_url();
    (process, base_url)
}

async fn scrape(operations: &RawClient) -> String {
    let response = operations.get("/metrics").await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = response.text;
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The value of a series, given its name and labels.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("{series}: {text}"))
        .parse()
        .unwrap()
}

async fn requests_and_verifications_are_counted() {
    let (process, operations) = scraped(&[]).await;
    let tenant = json!({ "slug": "blue-sky", "name": "Blue Sky" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let again = json!({ "slug": "blue-sky", "name": "n" });
    assert_eq!(process.raw.post_json("/v1/tenants", &again).await.status, 409);
    assert_eq!(process.raw.post("/v1/tenants", "{".to_owned()).await.status, 400);
    let created = json!({ "tenant_id": tenant["id"], "name": "n", "scopes": ["reports:read"] });
    let created: Value = process.raw.post_json("/v1/api-keys", &created).await.json();
    let plaintext = created["plaintext"].as_str().unwrap();
    for key in [plaintext, plaintext, "no key"] {
        process
            .raw
            .post_json("/v1/internal/api-keys/verify", &json!({ "key": key }))
            .await;
    }

    let text = scrape(&operations).await;
    let counted = [
        (r#"requests_total{operation="tenant_create",status="201"}"#, 1.0),
        (r#"requests_total{operation="tenant_create",status="409"}"#, 1.0),
        (r#"requests_total{operation="tenant_create",status="400"}"#, 1.0),
        (r#"requests_total{operation="api_key_verify",status="200"}"#, 3.0),
        (r#"request_duration_seconds_count{operation="api_key_verify"}"#, 3.0),
        (r#"api_key_verifications_total{outcome="valid"}"#, 2.0),
        (r#"api_key_verifications_total{outcome="malformed"}"#, 1.0),
        ("hashes_total", 2.0),
        ("hashes_remembered_total", 1.0),
        ("hash_queue_length", 0.0),
        ("draining", 0.0),
    ];
    for (series, count) in counted {
        let series = format!("tenant_registry_{series}");
        assert_eq!(value(&text, &series).to_bits(), f64::to_bits(count), "{series}: {text}");
    }
    assert!(
        text.contains(&format!(
            r#"tenant_registry_build_info{{version="{}"}} 1"#,
            env!("CARGO_PKG_VERSION")
        )),
        "{text}"
    );
    for grows in [
        plaintext,
        &plaintext[..11],
        tenant["id"].as_str().unwrap(),
        "blue-sky",
        "127.0.0.1",
    ] {
        assert!(!text.contains(grows), "{grows}: {text}");
    }
}

async fn there_are_no_metrics_without_an_address() {
    let process = ServiceProcess::serve(&|command| command).await;
    assert_eq!(process.raw.get("/metrics").await.status, 404);
    let ended = process.stop().await;
    assert_eq!(
        ended.stdout,
        "open: OIDC_ISSUER is not set, so everyone who can reach the port can do everything\n\
         in memory: DATABASE_URL is not set, so all records are lost when the process ends\n"
    );
}

async fn database_connections_are_counted() {
    let database = TestDatabase::create().await;
    let (process, operations) = scraped(&[("DATABASE_URL", database.url()), ("DATABASE_POOL_SIZE", "3")]).await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    let text = scrape(&operations).await;
    let main = [("", 1.0), ("_max", 3.0), ("_idle", 1.0), ("_waiting", 0.0)];
    let distributed = [("", 0.0), ("_max", 2.0), ("_idle", 0.0), ("_waiting", 0.0)];
    let main = main.map(|(name, count)| (name, "main", count));
    let distributed = distributed.map(|(name, count)| (name, "distributed", count));
    for (name, pool, count) in main.into_iter().chain(distributed) {
        let series = format!(r#"tenant_registry_database_connections{name}{{pool="{pool}"}}"#);
        assert_eq!(value(&text, &series).to_bits(), f64::to_bits(count), "{series}: {text}");
    }
}

async fn rejected_verifications_are_counted_by_cause() {
    let verify = async |process: &ServiceProcess, token: &str| {
        let request = process.raw.request(Method::POST, "/v1/internal/api-keys/verify");
        let request = request.bearer_auth(token).json(&json!({ "key": "bp_" }));
        RawResponse::from_request(request).await.text
    };
    let unavailable = r#"{"valid":false,"reason":"unavailable"}"#;
    let outcome = |word| format!(r#"tenant_registry_api_key_verifications_total{{outcome="{word}"}}"#);

    // The issuer is unavailable: an error of the service.
    let (process, operations) = scraped(&[("OIDC_ISSUER", "http://127.0.0.1:9/realms/silent")]).await;
    assert_eq!(verify(&process, "a.b.c").await, unavailable);
    let text = scrape(&operations).await;
    assert!(value(&text, &outcome("unavailable")) > 0.0, "{text}");

    // The caller's bodies use its whole share: an error of the caller.
    let (body_limit, limit) = (64 * 1024 * 1024, (64 * 1024 * 1024).to_string());
    let (process, operations) = scraped(&[("MAX_REQUESTS", "1"), ("BODY_LIMIT", &limit)]).await;
    let _running = started_request(process.address, body_limit).await;
    assert_eq!(verify(&process, "a.b.c").await, unavailable);
    let text = scrape(&operations).await;
    assert!(value(&text, &outcome("rate_limited")) > 0.0, "{text}");
    assert!(!text.contains(&outcome("unavailable")), "{text}");
}

async fn draining_is_visible() {
    let (process, operations) = scraped(&[("SHUTDOWN_DRAIN", "600")]).await;
    process.signal(Signal::TERM);
    until("it drains", async || {
        let text = scrape(&operations).await;
        (value(&text, "tenant_registry_draining") > 0.0).then_some(())
    })
    .await;
    assert_eq!(process.stop().await.code, Some(0));
}

async fn an_address_in_use_prevents_the_start() {
    let (_process, base_url) = started(&[]).await;
    let address = base_url.strip_prefix("http://").unwrap();
    let output = run(&|command| {
        command
            .args(["serve", "--bind-address", "127.0.0.1:0"])
            .env("METRICS_ADDR", address)
    })
    .await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
    assert!(text.contains(address) && text.contains("in use"), "{text}");
}
