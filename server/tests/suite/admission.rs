//! Who is let in, operation by operation: without a token, without its scope, with it, and with a token of one tenant.

use crate::harness::cases::cases;
use crate::harness::issuer::{AUDIENCE, TestIssuer, TokenRequest};
use crate::harness::openapi::{Operation, SPEC};
use crate::harness::polling::until;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tenant_registry_client::types::ErrorCode;
use tenant_registry_contract::server::Scope;
use tenant_registry_server::auth::{AccessSettings, IssuerSettings, RefreshSettings, TokenRules};

cases![
    every_operation_asks_for_its_scope,
    a_token_of_one_tenant_sees_that_tenant_alone,
    probes_ask_nobody,
    the_bearer_is_the_actor,
    who_calls_too_often_is_turned_away,
    nobody_is_let_in_before_the_realm_has_answered,
    tokens_that_are_not_taken,
];

/// Requests a second that no case sends.
const MANY: u32 = 1_000_000;

/// A realm that nobody answers for.
const SILENT: &str = "http://127.0.0.1:9/realms/platform";

fn access(issuer: &str) -> AccessSettings {
    AccessSettings::Issuer(Box::new(IssuerSettings {
        rules: TokenRules {
            issuer: issuer.parse().unwrap(),
            audience: AUDIENCE.to_owned(),
            leeway: Duration::from_secs(5),
            tenant_claim: "tenant_id".to_owned(),
            roles: ["operator=*"].iter().map(|role| role.parse().unwrap()).collect(),
        },
        refresh: RefreshSettings::default(),
    }))
}

/// A service that takes the tokens of a realm of its own.
struct Guarded {
    service: TestServer,
    realm: TestIssuer,
    operator: String,
}

/// What a request is about.
struct Subject {
    tenant: String,
    slug: String,
    api_key: String,
    plaintext: String,
}

impl Guarded {
    async fn start(store: StoreUnderTest, request_rate: u32) -> Self {
        let realm = TestIssuer::start().await;
        let settings = Settings {
            access: access(&realm.url),
            request_rate,
            ..Settings::default()
        };
        let service = TestServer::start_with(store, settings).await;
        until("the realm's keys are there", async || {
            (service.raw.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        let operator = json!({ "realm_access": { "roles": ["operator"] } });
        let operator = token(&realm, operator).await;
        Self {
            service,
            realm,
            operator,
        }
    }

    /// A token with these scopes, of one tenant where that is given.
    async fn token(&self, scopes: impl IntoIterator<Item = &str>, tenant: Option<&str>) -> String {
        let roles: Vec<&str> = scopes.into_iter().collect();
        token(
            &self.realm,
            json!({ "realm_access": { "roles": roles }, "tenant_id": tenant }),
        )
        .await
    }

    /// A new tenant with a key.
    async fn subject(&self) -> Subject {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let slug = format!("guarded-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "slug": slug, "name": "Guarded" });
        let tenant: Value = self
            .send(Method::POST, "/v1/tenants", Some(&body), Some(&self.operator))
            .await
            .json();
        let body = json!({ "tenant_id": tenant["id"], "name": "a key" });
        let created: Value = self
            .send(Method::POST, "/v1/api-keys", Some(&body), Some(&self.operator))
            .await
            .json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Subject {
            tenant: text(&tenant["id"]),
            slug,
            api_key: text(&created["api_key"]["id"]),
            plaintext: text(&created["plaintext"]),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, token: Option<&str>) -> RawResponse {
        let mut request = self.service.raw.request(method, path);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        RawResponse::from_request(request).await
    }

    /// Calls an operation about somebody.
    async fn call(&self, operation: &Operation, subject: &Subject, token: Option<&str>) -> RawResponse {
        let Subject {
            tenant,
            slug,
            api_key,
            plaintext,
        } = subject;
        let id = if operation.id == "api_key_revoke" {
            api_key
        } else {
            tenant
        };
        let path = operation.path.replace("{id}", id).replace("{slug}", slug);
        let query = match operation.id.as_str() {
            "entitlement_list" | "api_key_list" | "audit_list" => format!("?tenant_id={tenant}"),
            _ => String::new(),
        };
        let body = match operation.id.as_str() {
            "tenant_create" => Some(json!({ "slug": format!("{slug}-too"), "name": "New" })),
            "catalog_request" | "catalog_trial_request" => Some(json!({ "tenant_id": tenant, "product": "insights" })),
            "api_key_create" => Some(json!({ "tenant_id": tenant, "name": "another" })),
            "api_key_verify" => Some(json!({ "key": plaintext })),
            "audit_append" => Some(json!({ "tenant_id": tenant, "action": "seen" })),
            _ => None,
        };
        let method = operation.method.parse().unwrap();
        self.send(method, &format!("{path}{query}"), body.as_ref(), token).await
    }

    /// What the log has about a tenant.
    async fn events(&self, subject: &Subject) -> Vec<Value> {
        let path = format!("/v1/audit?tenant_id={}", subject.tenant);
        let page: Value = self.send(Method::GET, &path, None, Some(&self.operator)).await.json();
        page["items"].as_array().unwrap().clone()
    }
}

async fn token(realm: &TestIssuer, claims: Value) -> String {
    realm
        .token(TokenRequest {
            claims,
            ..TokenRequest::default()
        })
        .await
}

fn secured() -> impl Iterator<Item = &'static Operation> {
    SPEC.operations
        .iter()
        .filter(|operation| !SPEC.scopes(&operation.id).is_empty())
}

async fn every_operation_asks_for_its_scope(store: StoreUnderTest) {
    let guarded = Guarded::start(store, MANY).await;
    assert_eq!(secured().count(), 15);
    for operation in secured() {
        let subject = guarded.subject().await;
        let before = guarded.events(&subject).await;

        let answer = guarded.call(operation, &subject, None).await;
        answer.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", operation.id);

        let needed = SPEC.scopes(&operation.id);
        let others = Scope::ALL.map(Scope::as_str).into_iter();
        let lacking = guarded
            .token(others.filter(|scope| !needed.contains(scope)), None)
            .await;
        let answer = guarded.call(operation, &subject, Some(&lacking)).await;
        let message = answer.assert_error(403, ErrorCode::Forbidden);
        assert!(message.contains(needed[0]), "{message}");
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{}""#, needed.join(" "));
        assert_eq!(answer.header("www-authenticate"), challenge);
        // Nothing was done for either of them.
        assert_eq!(guarded.events(&subject).await, before, "{}", operation.id);

        let sufficient = guarded.token(needed, None).await;
        let answer = guarded.call(operation, &subject, Some(&sufficient)).await;
        assert!((200..300).contains(&answer.status), "{}: {answer:?}", operation.id);
    }
}

async fn a_token_of_one_tenant_sees_that_tenant_alone(store: StoreUnderTest) {
    let guarded = Guarded::start(store, MANY).await;
    for operation in secured() {
        let (own, others) = (guarded.subject().await, guarded.subject().await);
        let token = guarded.token(SPEC.scopes(&operation.id), Some(&own.tenant)).await;
        let before = guarded.events(&others).await;
        let answer = guarded.call(operation, &others, Some(&token)).await;
        match operation.id.as_str() {
            "tenant_create" => {
                answer.assert_error(403, ErrorCode::Forbidden);
            }
            "catalog_list" => assert_eq!(answer.status, 200),
            "api_key_verify" => assert_eq!(answer.text, r#"{"valid":false,"reason":"unknown"}"#),
            "audit_append" => {
                answer.assert_error(400, ErrorCode::InvalidInput);
            }
            "audit_list" => assert_eq!(answer.text, r#"{"items":[]}"#),
            _ => {
                answer.assert_error(404, ErrorCode::NotFound);
            }
        }
        assert_eq!(guarded.events(&others).await, before, "{}", operation.id);
        if operation.id != "tenant_create" {
            let answer = guarded.call(operation, &own, Some(&token)).await;
            assert!((200..300).contains(&answer.status), "{}: {answer:?}", operation.id);
        }
    }

    // What names no tenant is about its own.
    let own = guarded.subject().await;
    let token = guarded.token(["audit:read", "audit:write"], Some(&own.tenant)).await;
    let event = json!({ "action": "report.exported" });
    let event: Value = guarded
        .send(Method::POST, "/v1/audit", Some(&event), Some(&token))
        .await
        .json();
    assert_eq!(event["tenant_id"], own.tenant);
    let page: Value = guarded.send(Method::GET, "/v1/audit", None, Some(&token)).await.json();
    assert_eq!(page["items"].as_array().unwrap(), &guarded.events(&own).await);
}

async fn probes_ask_nobody(store: StoreUnderTest) {
    let guarded = Guarded::start(store, MANY).await;
    for path in ["/healthz", "/readyz"] {
        for token in [None, Some("nonsense")] {
            assert_eq!(guarded.send(Method::GET, path, None, token).await.status, 200, "{path}");
        }
    }
}

async fn the_bearer_is_the_actor(store: StoreUnderTest) {
    let guarded = Guarded::start(store, MANY).await;
    let subject = guarded.subject().await;
    let report = json!({
        "tenant_id": subject.tenant, "action": "report.exported",
        "actor_id": "somebody-else", "actor_name": "Somebody Else", "actor_type": "robot",
    });
    let answer = guarded
        .send(Method::POST, "/v1/audit", Some(&report), Some(&guarded.operator))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let events = guarded.events(&subject).await;
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["report.exported", "api_key.created", "tenant.created"]);
    for event in events {
        let actor = [&event["actor_id"], &event["actor_name"], &event["actor_type"]];
        assert_eq!(actor, ["billing", "billing", "service"], "{event}");
    }
}

async fn who_calls_too_often_is_turned_away(store: StoreUnderTest) {
    let guarded = Guarded::start(store, 1).await;
    let nobody = Subject {
        tenant: "0190b8a5-7b1c-7c3e-9d52-0242ac120002".to_owned(),
        slug: "nobody".to_owned(),
        api_key: "0190b8a5-7b1c-7c3e-9d52-0242ac120002".to_owned(),
        plaintext: "bp_".to_owned(),
    };
    for operation in secured() {
        // One request a second is let in.
        let answer = until("one is turned away", async || {
            let answer = guarded.call(operation, &nobody, Some(&guarded.operator)).await;
            (answer.status == 429 || answer.text.contains("unavailable")).then_some(answer)
        })
        .await;
        if operation.id == "api_key_verify" {
            assert_eq!(answer.text, r#"{"valid":false,"reason":"unavailable"}"#);
            continue;
        }
        let message = answer.assert_error(429, ErrorCode::RateLimited);
        assert!(message.contains("1 requests a second"), "{message}");
        for (name, value) in [
            ("retry-after", "1"),
            ("ratelimit-limit", "1"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
    // Others have a rate of their own.
    let other = json!({ "sub": "another", "realm_access": { "roles": ["operator"] } });
    let other = token(&guarded.realm, other).await;
    let answer = guarded.send(Method::GET, "/v1/catalog", None, Some(&other)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn nobody_is_let_in_before_the_realm_has_answered(store: StoreUnderTest) {
    let realm = TestIssuer::start().await;
    let operator = token(&realm, json!({ "realm_access": { "roles": ["operator"] } })).await;
    let settings = Settings {
        access: access(SILENT),
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let answer = service.raw.get("/readyz").await;
    answer.assert_error(503, ErrorCode::Unavailable);
    let guarded = Guarded {
        service,
        realm,
        operator,
    };
    let answer = guarded
        .send(Method::GET, "/v1/catalog", None, Some(&guarded.operator))
        .await;
    answer.assert_error(503, ErrorCode::Unavailable);
    let key = json!({ "key": "bp_Zm9vYmFyYmF6cXV4MTIzNA" });
    let verify = "/v1/internal/api-keys/verify";
    let answer = guarded
        .send(Method::POST, verify, Some(&key), Some(&guarded.operator))
        .await;
    assert_eq!(answer.text, r#"{"valid":false,"reason":"unavailable"}"#);
    // Who shows nothing is told so whether or not anybody could look at it.
    let answer = guarded.send(Method::GET, "/v1/catalog", None, None).await;
    answer.assert_error(401, ErrorCode::Unauthorized);
}

async fn tokens_that_are_not_taken(store: StoreUnderTest) {
    let guarded = Guarded::start(store, MANY).await;
    let good = &guarded.operator;
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let other_realm = TestIssuer::start().await;
    let wanted = |lifetime, audience| TokenRequest {
        lifetime,
        audience,
        claims: json!({ "realm_access": { "roles": ["operator"] } }),
        ..TokenRequest::default()
    };
    let expired = guarded.realm.token(wanted(-60, AUDIENCE)).await;
    let misaddressed = guarded.realm.token(wanted(300, "another-service")).await;
    let foreign = other_realm.token(wanted(300, AUDIENCE)).await;
    let lost = json!({ "tenant_id": "everything", "realm_access": { "roles": ["operator"] } });
    let lost = token(&guarded.realm, lost).await;
    let hostile = [
        ("nonsense", "nonsense".to_owned()),
        ("alg none", format!("{none}.{}.", parts[1])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "another's signature",
            format!("{}.{}.{}", parts[0], parts[1], foreign.split('.').next_back().unwrap()),
        ),
        ("expired", expired),
        ("another audience", misaddressed),
        ("another realm", foreign),
        ("a tenant that is none", lost),
        ("20 KiB", format!("{good}{}", "A".repeat(20 * 1024))),
    ];
    for (what, token) in &hostile {
        let answer = guarded.send(Method::GET, "/v1/catalog", None, Some(token)).await;
        answer.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer error="invalid_token""#,
            "{what}"
        );
        assert!(!answer.text.contains(&token[..8]), "{what}: {answer:?}");
    }
    let of_another_scheme = |values: &'static [&'static str]| {
        let request = guarded.service.raw.request(Method::GET, "/v1/catalog");
        RawResponse::from_request(
            values
                .iter()
                .fold(request, |request, value| request.header("authorization", *value)),
        )
    };
    for values in [&["Basic YTpi"][..], &["Bearer"], &["Bearer a", "Bearer b"]] {
        let answer = of_another_scheme(values).await;
        answer.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{values:?}");
    }
    // The scheme's case does not matter (RFC 9110, section 11.1).
    let request = guarded.service.raw.request(Method::GET, "/v1/catalog");
    let answer = RawResponse::from_request(request.header("authorization", format!("bearer {good}"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
