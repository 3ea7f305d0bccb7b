//! No key and no token appears in the log, the traces or the metrics, in any encoding, wherever a client puts it and
//! at any log level.

use crate::harness::cases::cases;
use crate::harness::collector::Collector;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawClient, RawResponse, StoreUnderTest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::ApiKeyCreated;

cases![logs_traces_and_metrics_contain_no_secret];

const VERIFY: &str = "/v1/internal/api-keys/verify";

async fn logs_traces_and_metrics_contain_no_secret(store: StoreUnderTest) {
    let collector = Collector::start().await;
    let database = match store {
        StoreUnderTest::Memory => None,
        StoreUnderTest::Postgres => Some(TestDatabase::create().await),
    };
    let mut process = ServiceProcess::serve(&|command| {
        command
            .env("METRICS_ADDR", "127.0.0.1:0")
            .env("LOG_LEVEL", "trace")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            .envs(database.as_ref().map(|database| ("DATABASE_URL", database.url())))
    })
    .await;
    let operations = RawClient::new(process.metrics_url());

    let tenant = json!({ "slug": "discreet", "name": "Discreet" });
    let tenant: Value = process.raw.post_json("/v1/tenants", &tenant).await.json();
    let mut secrets = Vec::new();
    for name in ["first", "second"] {
        let body = json!({ "tenant_id": tenant["id"], "name": name });
        let created: ApiKeyCreated = process.raw.post_json("/v1/api-keys", &body).await.json();
        secrets.push(created.plaintext.expose_secret().to_owned());
    }
    for key in &secrets {
        // Once with a hash, once from the cache.
        for _ in 0..2 {
            let verified = process.raw.post_json(VERIFY, &json!({ "key": key })).await;
            assert_eq!(verified.json::<Value>()["valid"], true);
        }
    }
    // The prefix of an existing key with another secret.
    secrets.push(format!("{}wrong-secret-1", &secrets[0][..11]));
    secrets.push(token(r#"{"alg":"EdDSA","typ":"JWT"}"#));
    secrets.push(token("{\n  \"alg\": \"EdDSA\",\n  \"typ\": \"JWT\"\n}"));
    secrets.push(token(" { \"alg\": \"EdDSA\"}"));
    for secret in &secrets {
        put_everywhere(&process.raw, secret).await;
    }

    let metrics = operations.get("/metrics").await.text;
    let ended = process.stop().await;
    let spans = collector.spans();
    assert!(
        ended.stderr.contains("request completed") && ended.stderr.contains("\"TRACE\""),
        "{}",
        ended.stderr
    );
    assert!(spans.iter().any(|span| span.name == "api_key_verify"));
    assert!(metrics.contains("api_key_verifications_total"), "{metrics}");

    let mut shown = vec![
        ("the log", ended.stderr),
        ("standard output", ended.stdout),
        ("the metrics", metrics),
    ];
    for export in collector.exports() {
        shown.push((
            "the bytes of the spans",
            String::from_utf8_lossy(&export.bytes).into_owned(),
        ));
        shown.push(("the spans", format!("{:?}", export.decoded)));
    }
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    for (place, text) in shown {
        // Percent-encoding and hexadecimal digits may be upper or lower case.
        let text = text.to_ascii_lowercase();
        for form in &forms {
            let is_shown = text.contains(&form.to_ascii_lowercase());
            assert!(!is_shown, "{form} is in {place}: {text}");
        }
    }
}

/// An unsigned token in the form of a JWT, with this header.
fn token(header: &str) -> String {
    [
        header,
        r#"{"sub":"a-program","scope":"tenants"}"#,
        "s1gnature-s1gnature-s1gnature",
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part))
    .join(".")
}

/// The secret, its parts, and their encodings.
fn forms(secret: &str) -> Vec<String> {
    let halves = match secret.split('.').collect::<Vec<_>>()[..] {
        [head, payload, signature] => vec![head, payload, signature],
        _ => vec![&secret[..11], &secret[11..]],
    };
    let mut forms: Vec<String> = halves.iter().map(ToString::to_string).collect();
    forms.push(percent_encoded(secret));
    forms.push(percent_encoded(secret).replace('%', "%25"));
    for part in [secret, halves[halves.len() - 1]] {
        forms.push(part.bytes().map(|byte| format!("{byte:02x}")).collect());
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            // Within other text, it can start at one of three offsets. Its first and last characters depend on its
            // neighbours.
            for offset in 0..3 {
                let encoded = engine.encode([&[b' '; 2][..offset], part.as_bytes()].concat());
                forms.push(encoded[2 * offset..encoded.len() - 2].to_owned());
            }
        }
    }
    forms
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Sends the secret in every part of a request.
async fn put_everywhere(raw: &RawClient, secret: &str) {
    let encoded = percent_encoded(secret);
    let twice = encoded.replace('%', "%25");
    raw.post_json(VERIFY, &json!({ "key": secret })).await;
    for body in [
        format!("{{\"key\": \"{secret}\""),
        json!({ "key": { "key": secret } }).to_string(),
        json!({ secret: secret }).to_string(),
        secret.to_owned(),
    ] {
        for path in [VERIFY, "/v1/api-keys", "/v1/tenants"] {
            raw.post(path, body.clone()).await;
        }
    }
    for text in [secret, &encoded, &twice] {
        for path in [
            format!("/v1/tenants/{text}"),
            format!("/v1/tenants/by-slug/{text}"),
            format!("/v1/audit?limit={text}"),
            format!("/{text}"),
            format!("/openapi.json/{text}"),
        ] {
            assert!(raw.get(&path).await.status >= 400, "{path}");
        }
        raw.get(&format!("/v1/audit?{text}=1")).await;
        raw.get(&format!("/healthz?access_token={text}")).await;
        raw.get(&format!("/docs?access_token={text}")).await;
        let rejected = raw.request(Method::DELETE, &format!("/v1/catalog?key={text}"));
        assert_eq!(RawResponse::from_request(rejected).await.status, 405);
    }
    raw.post_json("/v1/audit", &json!({ "action": secret, "tenant_id": secret }))
        .await;
    let basic = STANDARD_NO_PAD.encode(format!("{secret}:"));
    for (name, value) in [
        ("authorization", format!("Bearer {secret}")),
        ("authorization", format!("Basic {basic}")),
        ("authorization", secret.to_owned()),
        ("x-api-key", secret.to_owned()),
        ("cookie", format!("session={secret}")),
        ("user-agent", secret.to_owned()),
        ("x-forwarded-for", secret.to_owned()),
        ("x-request-id", secret.to_owned()),
        ("baggage", format!("key={secret}")),
        ("traceparent", secret.to_owned()),
        ("origin", format!("https://{secret}")),
        ("if-none-match", format!("\"{secret}\"")),
        ("content-type", secret.to_owned()),
    ] {
        for path in ["/v1/catalog", "/docs", "/nothing"] {
            RawResponse::from_request(raw.request(Method::GET, path).header(name, &value)).await;
        }
        RawResponse::from_request(raw.request(Method::POST, "/v1/tenants").header(name, &value).body("{}")).await;
    }
    for state in [format!("vendor={secret}"), format!("vendor={encoded}")] {
        let traced = raw
            .request(Method::GET, "/v1/catalog")
            .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            .header("tracestate", state);
        assert_eq!(RawResponse::from_request(traced).await.status, 200);
    }
    let method = Method::from_bytes(secret.as_bytes()).unwrap();
    assert_eq!(
        RawResponse::from_request(raw.request(method, "/v1/catalog"))
            .await
            .status,
        405
    );
}
