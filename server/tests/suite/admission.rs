//! Authorization of each operation: without a token, without its scope, with it, and with a token of one tenant.

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
use tenant_registry_server::auth::{AccessSettings, IssuerSettings, RefreshSettings, TokenRules, TokenType};

cases![
    every_operation_requires_its_scope,
    a_token_of_one_tenant_sees_only_that_tenant,
    a_nested_tenant_claim_limits_the_token,
    a_token_without_a_tenant_needs_the_role_for_all_tenants,
    bound_tokens_and_other_types_are_rejected,
    probes_need_no_token,
    the_caller_is_the_actor,
    callers_over_the_rate_limit_are_rejected,
    verifications_and_checks_do_not_count_against_the_rate_limit,
    every_caller_is_rejected_until_the_issuer_responds,
    invalid_tokens_are_rejected,
    with_an_issuer_the_token_is_enough,
];

/// More requests per second than any case sends.
const UNLIMITED: u32 = 1_000_000;

/// An issuer that does not respond.
const UNREACHABLE_ISSUER: &str = "http://127.0.0.1:9/realms/platform";

fn access(issuer: &str) -> AccessSettings {
    access_with(issuer, |_| {})
}

/// Access by changed rules.
pub(crate) fn access_with(issuer: &str, change: impl FnOnce(&mut TokenRules)) -> AccessSettings {
    let mut settings = IssuerSettings {
        rules: TokenRules {
            issuer: issuer.parse().unwrap(),
            audience: AUDIENCE.parse().unwrap(),
            leeway: Duration::from_secs(5),
            tenant_claim: "tenant_id".parse().unwrap(),
            all_tenants_role: None,
            token_type: TokenType::Any,
            roles: ["operator=*"].iter().map(|role| role.parse().unwrap()).collect(),
        },
        refresh: RefreshSettings::default(),
    };
    change(&mut settings.rules);
    AccessSettings::Issuer(Box::new(settings))
}

/// The operations without a rate limit, which products call for each of their own requests.
const WITHOUT_RATE: [&str; 3] = ["api_key_verify", "api_key_verify_batch", "entitlement_check"];

/// A server with its own issuer.
pub(crate) struct Guarded {
    pub(crate) service: TestServer,
    pub(crate) issuer: TestIssuer,
    pub(crate) operator: String,
}

/// The records that a request is about.
pub(crate) struct Subject {
    pub(crate) tenant: String,
    slug: String,
    project: String,
    api_key: String,
    pub(crate) plaintext: String,
    event: String,
}

impl Guarded {
    async fn start(store: StoreUnderTest, request_rate: u32) -> Self {
        Self::start_with(store, request_rate, |_| {}).await
    }

    /// Starts a server that verifies tokens by changed rules.
    async fn start_with(store: StoreUnderTest, request_rate: u32, change: impl FnOnce(&mut TokenRules)) -> Self {
        let settings = Settings {
            request_rate,
            ..Settings::default()
        };
        Self::start_within(store, settings, change).await
    }

    /// Starts a server with these settings.
    pub(crate) async fn start_within(
        store: StoreUnderTest,
        settings: Settings,
        change: impl FnOnce(&mut TokenRules),
    ) -> Self {
        let issuer = TestIssuer::start().await;
        let settings = Settings {
            access: access_with(&issuer.url, change),
            ..settings
        };
        let service = TestServer::start_with(store, settings).await;
        until("the issuer's keys are there", async || {
            (service.raw.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        let operator = json!({ "realm_access": { "roles": ["operator"] } });
        let operator = token(&issuer, operator).await;
        Self {
            service,
            issuer,
            operator,
        }
    }

    /// A token with these scopes, for one tenant or for all.
    async fn token(&self, scopes: impl IntoIterator<Item = &str>, tenant: Option<&str>) -> String {
        let roles: Vec<&str> = scopes.into_iter().collect();
        token(
            &self.issuer,
            json!({ "realm_access": { "roles": roles }, "tenant_id": tenant }),
        )
        .await
    }

    /// Creates a tenant with a key.
    pub(crate) async fn subject(&self) -> Subject {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let slug = format!("guarded-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "slug": slug, "name": "Guarded" });
        let tenant: Value = self
            .send(Method::POST, "/v1/tenants", Some(&body), Some(&self.operator))
            .await
            .json();
        let body = json!({ "tenant_id": tenant["id"], "slug": "guarded", "name": "A project" });
        let project: Value = self
            .send(Method::POST, "/v1/projects", Some(&body), Some(&self.operator))
            .await
            .json();
        let body = json!({ "tenant_id": tenant["id"], "name": "a key" });
        let created: Value = self
            .send(Method::POST, "/v1/api-keys", Some(&body), Some(&self.operator))
            .await
            .json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let path = format!("/v1/entitlements/{}/connect", text(&tenant["id"]));
        self.send(Method::PUT, &path, Some(&json!({})), Some(&self.operator))
            .await;
        let path = format!("/v1/audit?tenant_id={}", text(&tenant["id"]));
        let page: Value = self.send(Method::GET, &path, None, Some(&self.operator)).await.json();
        Subject {
            tenant: text(&tenant["id"]),
            slug,
            project: text(&project["id"]),
            api_key: text(&created["api_key"]["id"]),
            plaintext: text(&created["plaintext"]),
            event: page["items"][0]["id"].to_string(),
        }
    }

    /// Creates a tenant that the operation accepts: one that is to be deleted is archived.
    async fn subject_of(&self, operation: &Operation) -> Subject {
        let subject = self.subject().await;
        if operation.id == "tenant_delete" {
            let path = format!("/v1/tenants/{}/archive", subject.tenant);
            let archived = self.send(Method::POST, &path, None, Some(&self.operator)).await;
            assert_eq!(archived.status, 200, "{archived:?}");
        }
        subject
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> RawResponse {
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

    /// Calls an operation on the subject.
    pub(crate) async fn call(&self, operation: &Operation, subject: &Subject, token: Option<&str>) -> RawResponse {
        let Subject {
            tenant,
            slug,
            project,
            api_key,
            plaintext,
            event,
        } = subject;
        let id = if operation.path.starts_with("/v1/api-keys/{id}") {
            api_key
        } else if operation.path.starts_with("/v1/projects/{id}") {
            project
        } else if operation.path.starts_with("/v1/audit/{id}") {
            event
        } else {
            tenant
        };
        let path = operation.path.replace("{id}", id).replace("{slug}", slug);
        let path = path.replace("{tenant_id}", tenant).replace("{product}", "connect");
        let query = match operation.id.as_str() {
            "tenant_list" => format!("?q={slug}"),
            "project_list" | "entitlement_list" | "api_key_list" | "audit_list" => format!("?tenant_id={tenant}"),
            "entitlement_check" => format!("?tenant_id={tenant}&product=insights"),
            _ => String::new(),
        };
        let body = match operation.id.as_str() {
            "tenant_create" => Some(json!({ "slug": format!("{slug}-too"), "name": "New" })),
            "tenant_update" => Some(json!({ "name": "Renamed" })),
            "project_create" => Some(json!({ "tenant_id": tenant, "slug": "another", "name": "New" })),
            "project_update" => Some(json!({ "name": "Renamed" })),
            "entitlement_set" => Some(json!({ "config": { "seats": 5 } })),
            "catalog_request" | "catalog_trial_request" => Some(json!({ "tenant_id": tenant, "product": "insights" })),
            "api_key_create" => Some(json!({ "tenant_id": tenant, "name": "another" })),
            "api_key_update" => Some(json!({ "name": "updated" })),
            "api_key_verify" => Some(json!({ "key": plaintext })),
            "api_key_verify_batch" => Some(json!({ "keys": [{ "key": plaintext }] })),
            "audit_append" => Some(json!({ "tenant_id": tenant, "action": "seen" })),
            "audit_append_batch" => Some(json!({ "events": [{ "tenant_id": tenant, "action": "seen" }] })),
            _ => None,
        };
        let method = operation.method.parse().unwrap();
        self.send(method, &format!("{path}{query}"), body.as_ref(), token).await
    }

    /// The events of the subject.
    async fn events(&self, subject: &Subject) -> Vec<Value> {
        let path = format!("/v1/audit?tenant_id={}", subject.tenant);
        let page: Value = self.send(Method::GET, &path, None, Some(&self.operator)).await.json();
        page["items"].as_array().unwrap().clone()
    }
}

pub(crate) async fn token(issuer: &TestIssuer, claims: Value) -> String {
    issuer
        .token(TokenRequest {
            claims,
            ..TokenRequest::default()
        })
        .await
}

pub(crate) fn secured() -> impl Iterator<Item = &'static Operation> {
    SPEC.operations
        .iter()
        .filter(|operation| !SPEC.scopes(&operation.id).is_empty())
}

async fn every_operation_requires_its_scope(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    assert_eq!(secured().count(), 34);
    for operation in secured() {
        let subject = guarded.subject_of(operation).await;
        let before = guarded.events(&subject).await;

        let response = guarded.call(operation, &subject, None).await;
        response.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(response.header("www-authenticate"), "Bearer", "{}", operation.id);

        let alternatives = SPEC.alternatives(&operation.id);
        let needed = alternatives.concat();
        let others = Scope::ALL.map(Scope::as_str).into_iter();
        let lacking = guarded
            .token(others.filter(|scope| !needed.contains(scope)), None)
            .await;
        let response = guarded.call(operation, &subject, Some(&lacking)).await;
        let message = response.assert_error(403, ErrorCode::Forbidden);
        let missing: Vec<String> = alternatives.iter().map(|scopes| format!("`{}`", scopes[0])).collect();
        assert!(message.contains(&missing.join(" or ")), "{message}");
        let challenges: Vec<String> = alternatives
            .iter()
            .map(|scopes| format!(r#"Bearer error="insufficient_scope", scope="{}""#, scopes.join(" ")))
            .collect();
        assert_eq!(response.header("www-authenticate"), challenges.join(", "));
        // Neither request changed anything.
        assert_eq!(guarded.events(&subject).await, before, "{}", operation.id);

        for scopes in alternatives {
            let sufficient = guarded.token(scopes, None).await;
            let response = guarded.call(operation, &subject, Some(&sufficient)).await;
            assert!((200..300).contains(&response.status), "{}: {response:?}", operation.id);
        }
    }
}

async fn a_token_of_one_tenant_sees_only_that_tenant(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    for operation in secured() {
        let (own, others) = (guarded.subject_of(operation).await, guarded.subject_of(operation).await);
        let token = guarded.token(SPEC.scopes(&operation.id), Some(&own.tenant)).await;
        let before = guarded.events(&others).await;
        let response = guarded.call(operation, &others, Some(&token)).await;
        match operation.id.as_str() {
            "tenant_create" => {
                response.assert_error(403, ErrorCode::Forbidden);
            }
            "catalog_list" => assert_eq!(response.status, 200),
            "api_key_verify" => assert_eq!(response.text, r#"{"valid":false,"reason":"unknown"}"#),
            "api_key_verify_batch" => {
                assert_eq!(response.text, r#"{"results":[{"valid":false,"reason":"unknown"}]}"#);
            }
            "entitlement_check" => assert_eq!(response.text, r#"{"entitled":false,"reason":"unknown_tenant"}"#),
            "audit_append" | "audit_append_batch" => {
                response.assert_error(400, ErrorCode::InvalidInput);
            }
            "tenant_list" | "audit_list" => assert_eq!(response.text, r#"{"items":[]}"#),
            _ => {
                response.assert_error(404, ErrorCode::NotFound);
            }
        }
        assert_eq!(guarded.events(&others).await, before, "{}", operation.id);
        if operation.id != "tenant_create" {
            let response = guarded.call(operation, &own, Some(&token)).await;
            assert!((200..300).contains(&response.status), "{}: {response:?}", operation.id);
        }
    }

    // Without a tenant, an operation uses that of the token.
    let own = guarded.subject().await;
    let token = guarded.token(["audit:read", "audit:write"], Some(&own.tenant)).await;
    let event = json!({ "action": "report.exported" });
    let event: Value = guarded
        .send(Method::POST, "/v1/audit", Some(&event), Some(&token))
        .await
        .json();
    assert_eq!(event["tenant_id"], own.tenant);
    let batch = json!({ "events": [{ "action": "report.exported" }, { "action": "a", "tenant_id": own.tenant }] });
    let batch: Value = guarded
        .send(Method::POST, "/v1/audit/batch", Some(&batch), Some(&token))
        .await
        .json();
    for event in batch["items"].as_array().unwrap() {
        assert_eq!(event["tenant_id"], own.tenant);
        assert!(event["actor_id"].is_string(), "{event}");
    }
    let page: Value = guarded.send(Method::GET, "/v1/audit", None, Some(&token)).await.json();
    assert_eq!(page["items"].as_array().unwrap(), &guarded.events(&own).await);
}

async fn a_nested_tenant_claim_limits_the_token(store: StoreUnderTest) {
    let change = |rules: &mut TokenRules| rules.tenant_claim = "org.tenant_id".parse().unwrap();
    let guarded = Guarded::start_with(store, UNLIMITED, change).await;
    let (own, other) = (guarded.subject().await, guarded.subject().await);
    let status = async |claims: Value, subject: &Subject| {
        let mut claims = claims;
        claims["realm_access"] = json!({ "roles": ["tenants:read"] });
        let token = token(&guarded.issuer, claims).await;
        let path = format!("/v1/tenants/by-slug/{}", subject.slug);
        guarded.send(Method::GET, &path, None, Some(&token)).await.status
    };
    for claims in [
        json!({ "org": { "tenant_id": own.tenant } }),
        json!({ "org.tenant_id": own.tenant }),
    ] {
        assert_eq!(status(claims.clone(), &own).await, 200, "{claims}");
        assert_eq!(status(claims.clone(), &other).await, 404, "{claims}");
    }
    for unclear in [
        json!({ "org": { "tenant_id": "acme" } }),
        json!({ "org": own.tenant }),
        json!({ "org": { "tenant_id": own.tenant }, "org.tenant_id": own.tenant }),
    ] {
        assert_eq!(status(unclear.clone(), &own).await, 401, "{unclear}");
    }
}

async fn a_token_without_a_tenant_needs_the_role_for_all_tenants(store: StoreUnderTest) {
    let change = |rules: &mut TokenRules| rules.all_tenants_role = Some("operator".parse().unwrap());
    let guarded = Guarded::start_with(store, UNLIMITED, change).await;
    let (own, other) = (guarded.subject().await, guarded.subject().await);
    for operation in secured() {
        let scopes = SPEC.scopes(&operation.id);
        let forgotten = guarded.token(scopes, None).await;
        let response = guarded.call(operation, &other, Some(&forgotten)).await;
        let message = response.assert_error(401, ErrorCode::Unauthorized);
        assert!(message.contains("names no tenant"), "{message}");
        let challenge = response.header("www-authenticate");
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    let limited = guarded.token(["tenants:read"], Some(&own.tenant)).await;
    for (subject, status) in [(&own, 200), (&other, 404)] {
        let path = format!("/v1/tenants/by-slug/{}", subject.slug);
        let response = guarded.send(Method::GET, &path, None, Some(&limited)).await;
        assert_eq!(response.status, status, "{response:?}");
    }
}

async fn bound_tokens_and_other_types_are_rejected(store: StoreUnderTest) {
    let change = |rules: &mut TokenRules| rules.token_type = TokenType::AtJwt;
    let guarded = Guarded::start(store, UNLIMITED).await;
    let bound = json!({ "realm_access": { "roles": ["operator"] }, "cnf": { "jkt": "a" } });
    let bound = token(&guarded.issuer, bound).await;
    let response = guarded.send(Method::GET, "/v1/catalog", None, Some(&bound)).await;
    let message = response.assert_error(401, ErrorCode::Unauthorized);
    assert!(message.contains("cnf"), "{message}");

    // The issuer's tokens have the type `JWT`.
    let issuer = TestIssuer::start().await;
    let settings = Settings {
        access: access_with(&issuer.url, change),
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    until("the issuer's keys are there", async || {
        (service.raw.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    let operator = token(&issuer, json!({ "realm_access": { "roles": ["operator"] } })).await;
    let request = service.raw.request(Method::GET, "/v1/catalog").bearer_auth(operator);
    let message = RawResponse::from_request(request)
        .await
        .assert_error(401, ErrorCode::Unauthorized);
    assert!(message.contains("at+jwt"), "{message}");
}

async fn probes_need_no_token(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    for path in ["/healthz", "/readyz"] {
        for token in [None, Some("nonsense")] {
            assert_eq!(guarded.send(Method::GET, path, None, token).await.status, 200, "{path}");
        }
    }
}

async fn the_caller_is_the_actor(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    let subject = guarded.subject().await;
    let report = json!({
        "tenant_id": subject.tenant, "action": "report.exported",
        "actor_id": "somebody-else", "actor_name": "Somebody Else", "actor_type": "robot",
    });
    let response = guarded
        .send(Method::POST, "/v1/audit", Some(&report), Some(&guarded.operator))
        .await;
    assert_eq!(response.status, 201, "{response:?}");
    let events = guarded.events(&subject).await;
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "report.exported",
            "entitlement.granted",
            "api_key.created",
            "project.created",
            "tenant.created"
        ]
    );
    for event in events {
        let actor = [&event["actor_id"], &event["actor_name"], &event["actor_type"]];
        assert_eq!(actor, ["billing", "billing", "service"], "{event}");
    }
}

async fn callers_over_the_rate_limit_are_rejected(store: StoreUnderTest) {
    let guarded = Guarded::start(store, 1).await;
    let unknown = Subject {
        tenant: "0190b8a5-7b1c-7c3e-9d52-0242ac120002".to_owned(),
        slug: "nobody".to_owned(),
        project: "0190b8a5-7b1c-7c3e-9d52-0242ac120002".to_owned(),
        api_key: "0190b8a5-7b1c-7c3e-9d52-0242ac120002".to_owned(),
        plaintext: "bp_".to_owned(),
        event: i64::MAX.to_string(),
    };
    for operation in secured().filter(|it| !WITHOUT_RATE.contains(&it.id.as_str())) {
        // One request per second is accepted.
        let response = until("one is turned away", async || {
            let response = guarded.call(operation, &unknown, Some(&guarded.operator)).await;
            (response.status == 429).then_some(response)
        })
        .await;
        let message = response.assert_error(429, ErrorCode::RateLimited);
        assert!(message.contains("1 requests a second"), "{message}");
        for (name, value) in [
            ("retry-after", "1"),
            ("ratelimit-limit", "1"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1"),
        ] {
            assert_eq!(response.header(name), value, "{name}");
        }
    }
    // Each caller has its own rate limit.
    let other = json!({ "sub": "another", "realm_access": { "roles": ["operator"] } });
    let other = token(&guarded.issuer, other).await;
    let response = guarded.send(Method::GET, "/v1/catalog", None, Some(&other)).await;
    assert_eq!(response.status, 200, "{response:?}");
}

async fn verifications_and_checks_do_not_count_against_the_rate_limit(store: StoreUnderTest) {
    let guarded = Guarded::start(store, 1).await;
    let key = json!({ "key": "bp_Zm9vYmFyYmF6cXV4MTIzNA" });
    let batch = json!({ "keys": vec![key.clone(); 100] });
    let check = "/v1/internal/entitlements/check?product=insights&tenant_id=0190b8a5-7b1c-7c3e-9d52-0242ac120003";
    let send = async |method: Method, path: &str, body: Option<&Value>| {
        let response = guarded.send(method, path, body, Some(&guarded.operator)).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.text
    };
    for _ in 0..20 {
        let verified = send(Method::POST, "/v1/internal/api-keys/verify", Some(&key)).await;
        assert_eq!(verified, r#"{"valid":false,"reason":"unknown"}"#);
        let verified = send(Method::POST, "/v1/internal/api-keys/verify-batch", Some(&batch)).await;
        assert_eq!(verified.matches(r#"{"valid":false,"reason":"unknown"}"#).count(), 100);
        let checked = send(Method::GET, check, None).await;
        assert_eq!(checked, r#"{"entitled":false,"reason":"unknown_tenant"}"#);
    }
}

async fn every_caller_is_rejected_until_the_issuer_responds(store: StoreUnderTest) {
    let issuer = TestIssuer::start().await;
    let operator = token(&issuer, json!({ "realm_access": { "roles": ["operator"] } })).await;
    let settings = Settings {
        access: access(UNREACHABLE_ISSUER),
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let response = service.raw.get("/readyz").await;
    response.assert_error(503, ErrorCode::Unavailable);
    let guarded = Guarded {
        service,
        issuer,
        operator,
    };
    let response = guarded
        .send(Method::GET, "/v1/catalog", None, Some(&guarded.operator))
        .await;
    response.assert_error(503, ErrorCode::Unavailable);
    let key = json!({ "key": "bp_Zm9vYmFyYmF6cXV4MTIzNA" });
    let verify = "/v1/internal/api-keys/verify";
    let response = guarded
        .send(Method::POST, verify, Some(&key), Some(&guarded.operator))
        .await;
    assert_eq!(response.text, r#"{"valid":false,"reason":"unavailable"}"#);
    let batch = json!({ "keys": [key] });
    let response = guarded
        .send(
            Method::POST,
            "/v1/internal/api-keys/verify-batch",
            Some(&batch),
            Some(&guarded.operator),
        )
        .await;
    response.assert_error(503, ErrorCode::Unavailable);
    // A request without a token gets 401 even without keys.
    let response = guarded.send(Method::GET, "/v1/catalog", None, None).await;
    response.assert_error(401, ErrorCode::Unauthorized);
}

async fn invalid_tokens_are_rejected(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    let good = &guarded.operator;
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let other_issuer = TestIssuer::start().await;
    let wanted = |lifetime, audience| TokenRequest {
        lifetime,
        audience,
        claims: json!({ "realm_access": { "roles": ["operator"] } }),
        ..TokenRequest::default()
    };
    let expired = guarded.issuer.token(wanted(-60, AUDIENCE)).await;
    let misaddressed = guarded.issuer.token(wanted(300, "another-service")).await;
    let foreign = other_issuer.token(wanted(300, AUDIENCE)).await;
    let invalid_tenant = json!({ "tenant_id": "everything", "realm_access": { "roles": ["operator"] } });
    let invalid_tenant = token(&guarded.issuer, invalid_tenant).await;
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
        ("another issuer", foreign),
        ("a tenant that is none", invalid_tenant),
        ("20 KiB", format!("{good}{}", "A".repeat(20 * 1024))),
    ];
    for (what, token) in &hostile {
        let response = guarded.send(Method::GET, "/v1/catalog", None, Some(token)).await;
        response.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(
            response.header("www-authenticate"),
            r#"Bearer error="invalid_token""#,
            "{what}"
        );
        assert!(!response.text.contains(&token[..8]), "{what}: {response:?}");
    }
    let with_authorization = |values: &'static [&'static str]| {
        let request = guarded.service.raw.request(Method::GET, "/v1/catalog");
        RawResponse::from_request(
            values
                .iter()
                .fold(request, |request, value| request.header("authorization", *value)),
        )
    };
    for values in [&["Basic YTpi"][..], &["Bearer"], &["Bearer a", "Bearer b"]] {
        let response = with_authorization(values).await;
        response.assert_error(401, ErrorCode::Unauthorized);
        assert_eq!(response.header("www-authenticate"), "Bearer", "{values:?}");
    }
    // The scheme's case does not matter (RFC 9110, section 11.1).
    let request = guarded.service.raw.request(Method::GET, "/v1/catalog");
    let response = RawResponse::from_request(request.header("authorization", format!("bearer {good}"))).await;
    assert_eq!(response.status, 200, "{response:?}");
}

/// The checks of open mode do not apply: a page cannot send a token that it does not have.
async fn with_an_issuer_the_token_is_enough(store: StoreUnderTest) {
    let guarded = Guarded::start(store, UNLIMITED).await;
    let request = guarded
        .service
        .raw
        .request(Method::POST, "/v1/audit")
        .bearer_auth(&guarded.operator)
        .header("host", "registry.example.com")
        .header("origin", "https://console.example.com")
        .header("sec-fetch-site", "cross-site")
        // Without a type, the body is taken as JSON.
        .body(r#"{"action": "a"}"#);
    let response = RawResponse::from_request(request).await;
    assert_eq!(response.status, 201, "{response:?}");
}
