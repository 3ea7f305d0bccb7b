//! Tokens of an issuer that rotates its keys and has outages.
//!
//! The target `certified_issuer` runs the same cases against a published OpenID provider.

use crate::harness::cases::process_cases;
use crate::harness::issuer::{AUDIENCE, TestIssuer, TokenRequest};
use crate::harness::polling::until;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawClient, RawResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_client::types::ErrorCode;
use tenant_registry_contract::server::Scope;
use tenant_registry_server::auth::{
    BearerKind, InvalidToken, Issuer, IssuerSettings, RefreshSettings, RoleGrant, TokenError, TokenRules, TokenType,
    VerifiedToken,
};
use tenant_registry_server::domain::clock::Clock;

process_cases![
    accepts_tokens_of_each_algorithm,
    roles_and_scopes_determine_the_callers_scopes,
    accepts_new_keys_and_rejects_old_ones_after_a_rotation,
    keeps_its_keys_during_an_outage_of_the_issuer,
    starts_without_the_issuer,
    unknown_keys_cause_a_single_fetch,
    unknown_keys_cause_no_fetch_shortly_after_another,
    rejects_tokens_with_a_wrong_time_audience_or_issuer,
    the_service_accepts_callers_with_a_token,
    the_service_rejects_forged_tokens,
    the_service_recovers_from_an_outage_of_the_issuer,
];

const NEVER: Duration = Duration::from_secs(3600);

/// Fetches the keys for every unknown key, but never periodically.
const ALWAYS: RefreshSettings = RefreshSettings {
    interval: NEVER,
    pause: Duration::ZERO,
};

fn start(issuer: &TestIssuer, refresh: RefreshSettings) -> Issuer {
    let roles = ["support=tenants:read+audit:read", "operator=*"];
    let rules = TokenRules {
        issuer: issuer.url.parse().unwrap(),
        audience: AUDIENCE.parse().unwrap(),
        leeway: Duration::from_secs(30),
        tenant_claim: "tenant_id".parse().unwrap(),
        all_tenants_role: None,
        token_type: TokenType::Any,
        roles: roles.iter().map(|role| role.parse::<RoleGrant>().unwrap()).collect(),
    };
    Issuer::start(IssuerSettings { rules, refresh }, Clock::system()).unwrap()
}

async fn ready(issuer: &TestIssuer, refresh: RefreshSettings) -> Issuer {
    let verifier = start(issuer, refresh);
    until("the keys are fetched", async || verifier.is_ready().then_some(())).await;
    verifier
}

fn rejection(verified: Result<Arc<VerifiedToken>, TokenError>) -> InvalidToken {
    match verified {
        Err(TokenError::Invalid(error)) => error,
        Ok(_) | Err(TokenError::Unavailable) => panic!("{verified:?}"),
    }
}

async fn accepts_tokens_of_each_algorithm() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let wanted = TokenRequest {
            algorithm,
            ..TokenRequest::default()
        };
        let verified = verifier.verify(&issuer.token(wanted).await).await.unwrap();
        assert_eq!(verified.subject.as_str(), "billing", "{algorithm}");
        assert_eq!(verified.name.as_ref().unwrap().as_str(), "billing");
        assert_eq!((verified.kind, verified.tenant), (BearerKind::ServiceAccount, None));
        assert!(Scope::ALL.iter().all(|scope| !verified.scopes.contains(*scope)));
    }
    assert_eq!(issuer.key_fetches().await, 1);
}

async fn roles_and_scopes_determine_the_callers_scopes() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    let tenant = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";
    let wanted = TokenRequest {
        scope: "tenants:write",
        claims: json!({
            "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "preferred_username": "ada",
            "tenant_id": tenant,
            "realm_access": { "roles": ["support", "default-roles-platform"] },
            "resource_access": {
                AUDIENCE: { "roles": ["catalog:read"] },
                "account": { "roles": ["operator"] },
            },
        }),
        ..TokenRequest::default()
    };
    let verified = verifier.verify(&issuer.token(wanted).await).await.unwrap();
    assert_eq!(verified.kind, BearerKind::User);
    assert_eq!(verified.name.as_ref().unwrap().as_str(), "ada");
    assert_eq!(verified.tenant, Some(tenant.parse().unwrap()));
    let scopes = [
        Scope::TenantsRead,
        Scope::AuditRead,
        Scope::CatalogRead,
        Scope::TenantsWrite,
    ];
    assert_eq!(verified.scopes, scopes.into_iter().collect());
    let acme = TokenRequest {
        claims: json!({ "tenant_id": "acme" }),
        ..TokenRequest::default()
    };
    assert_eq!(
        rejection(verifier.verify(&issuer.token(acme).await).await),
        InvalidToken::InvalidTenant
    );
}

async fn accepts_new_keys_and_rejects_old_ones_after_a_rotation() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    let old = issuer.token(TokenRequest::default()).await;
    assert!(verifier.verify(&old).await.is_ok());
    issuer.rotate().await;
    assert!(verifier.verify(&old).await.is_ok(), "the new keys are not fetched yet");
    let new = issuer.token(TokenRequest::default()).await;
    assert!(verifier.verify(&new).await.is_ok(), "without a restart");
    assert_eq!(rejection(verifier.verify(&old).await), InvalidToken::UnknownKey);
    assert!(verifier.verify(&new).await.is_ok());

    // Also without a token that causes a fetch.
    let often = RefreshSettings {
        interval: Duration::from_millis(10),
        pause: NEVER,
    };
    let verifier = ready(&issuer, often).await;
    assert!(verifier.verify(&new).await.is_ok());
    issuer.rotate().await;
    until("the old key is rejected", async || verifier.verify(&new).await.err()).await;
}

async fn keeps_its_keys_during_an_outage_of_the_issuer() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    let (seen, unseen) = (
        issuer.token(TokenRequest::default()).await,
        issuer.token(TokenRequest::default()).await,
    );
    assert!(verifier.verify(&seen).await.is_ok());
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    issuer.rotate().await;
    let new = issuer.token(TokenRequest::default()).await;
    issuer.go_down().await;
    // The fetch fails.
    for unknown in [&foreign, &new] {
        assert_eq!(rejection(verifier.verify(unknown).await), InvalidToken::UnknownKey);
    }
    for old in [&seen, &unseen] {
        assert!(verifier.verify(old).await.is_ok());
    }
    assert!(verifier.is_ready());
    issuer.come_up().await;
    assert!(verifier.verify(&new).await.is_ok());
    assert_eq!(rejection(verifier.verify(&unseen).await), InvalidToken::UnknownKey);
}

async fn starts_without_the_issuer() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token(TokenRequest::default()).await;
    issuer.go_down().await;
    let verifier = start(&issuer, ALWAYS);
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Unavailable));
    assert!(!verifier.is_ready());
    issuer.come_up().await;
    until("the keys are fetched", async || verifier.is_ready().then_some(())).await;
    assert!(verifier.verify(&token).await.is_ok());
}

async fn unknown_keys_cause_a_single_fetch() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    let asked = (0..500).map(|_| verifier.verify(&foreign));
    for verified in join_all(asked).await {
        assert_eq!(rejection(verified), InvalidToken::UnknownKey);
    }
    assert_eq!(
        issuer.key_fetches().await,
        2,
        "the first fetch, and one for all unknown keys"
    );
}

async fn unknown_keys_cause_no_fetch_shortly_after_another() {
    let issuer = TestIssuer::start().await;
    let seldom = RefreshSettings { pause: NEVER, ..ALWAYS };
    let verifier = ready(&issuer, seldom).await;
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    for _ in 0..100 {
        assert_eq!(rejection(verifier.verify(&foreign).await), InvalidToken::UnknownKey);
    }
    assert_eq!(issuer.key_fetches().await, 1);
}

async fn rejects_tokens_with_a_wrong_time_audience_or_issuer() {
    let issuer = TestIssuer::start().await;
    let verifier = ready(&issuer, ALWAYS).await;
    let reject = async |wanted| rejection(verifier.verify(&issuer.token(wanted).await).await);
    let lifetime = |lifetime| TokenRequest {
        lifetime,
        ..TokenRequest::default()
    };
    assert_eq!(reject(lifetime(-60)).await, InvalidToken::Expired);
    assert!(
        verifier.verify(&issuer.token(lifetime(-1)).await).await.is_ok(),
        "leeway"
    );
    let audience = TokenRequest {
        audience: "billing",
        ..TokenRequest::default()
    };
    assert_eq!(reject(audience).await, InvalidToken::WrongAudience);
    let id_token = TokenRequest {
        claims: json!({ "typ": "ID" }),
        ..TokenRequest::default()
    };
    assert_eq!(reject(id_token).await, InvalidToken::NotAnAccessToken);
    let foreign = TokenRequest {
        claims: json!({ "iss": "https://sso.example.com" }),
        ..TokenRequest::default()
    };
    assert_eq!(reject(foreign).await, InvalidToken::WrongIssuer);
}

async fn serve(issuer: &TestIssuer) -> ServiceProcess {
    ServiceProcess::serve(&|command| {
        command
            .arg("--in-memory")
            .env("OIDC_ISSUER", &issuer.url)
            .env("OIDC_ROLES", "support=catalog:read+audit:read+audit:write")
    })
    .await
}

async fn get(raw: &RawClient, path: &str, authorization: &str) -> RawResponse {
    RawResponse::from_request(raw.request(Method::GET, path).header(AUTHORIZATION, authorization)).await
}

/// A token with the scopes to read the catalog, and to read and append events.
async fn support(issuer: &TestIssuer) -> String {
    let wanted = TokenRequest {
        claims: json!({ "realm_access": { "roles": ["support"] } }),
        ..TokenRequest::default()
    };
    format!("Bearer {}", issuer.token(wanted).await)
}

async fn the_service_accepts_callers_with_a_token() {
    let issuer = TestIssuer::start().await;
    let process = serve(&issuer).await;
    let bearer = support(&issuer).await;
    until("the keys are fetched", async || {
        (get(&process.raw, "/v1/catalog", &bearer).await.status == 200).then_some(())
    })
    .await;

    let absent = process.raw.get("/v1/catalog").await;
    assert!(absent.assert_error(401, ErrorCode::Unauthorized).contains("Bearer"));
    assert_eq!(absent.header("www-authenticate"), "Bearer");
    let forbidden = get(&process.raw, "/v1/tenants/by-slug/acme", &bearer).await;
    assert!(
        forbidden
            .assert_error(403, ErrorCode::Forbidden)
            .contains("tenants:read")
    );
    for open in ["/healthz", "/readyz", "/docs", "/openapi.json"] {
        assert_eq!(process.raw.get(open).await.status, 200, "{open}");
    }

    let event = json!({ "action": "report.exported", "actor_id": "somebody else" });
    let append = process.raw.request(Method::POST, "/v1/audit");
    let appended = RawResponse::from_request(append.header(AUTHORIZATION, &bearer).json(&event)).await;
    let appended: Value = appended.json();
    assert_eq!(
        (&appended["actor_id"], &appended["actor_name"]),
        (&json!("billing"), &json!("billing")),
        "who it was, the token says"
    );

    let ended = process.stop().await;
    assert!(!ended.stdout.contains("open:"), "no warning that authentication is off");
    let secret = bearer.rsplit('.').next().unwrap();
    assert!(!ended.stderr.contains(secret), "no token is logged");
}

async fn the_service_rejects_forged_tokens() {
    let issuer = TestIssuer::start().await;
    let process = serve(&issuer).await;
    let good = support(&issuer).await;
    until("the keys are fetched", async || {
        (get(&process.raw, "/v1/catalog", &good).await.status == 200).then_some(())
    })
    .await;

    let mut parts = good.strip_prefix("Bearer ").unwrap().split('.');
    let (header, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let with = |member: &str, value: Value| {
        let mut header = header.clone();
        header[member] = value;
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        format!("Bearer {header}.{claims}.{signature}")
    };
    let unsigned = with("alg", json!("none"));
    let unsigned = unsigned.strip_suffix(signature).unwrap();
    let token = async |wanted| format!("Bearer {}", issuer.token(wanted).await);
    let forged = [
        unsigned.to_owned(),
        format!("{unsigned}AAAA"),
        with("alg", json!("HS256")),
        with("alg", json!("ES256")),
        with("kid", json!("../../etc/passwd")),
        with("kid", json!("https://attacker.example/jwks")),
        with("jku", json!("https://attacker.example/jwks")),
        with("crit", json!(["exp"])),
        with("padding", json!("a".repeat(20 * 1024))),
        format!("{good}A"),
        "Bearer ".to_owned(),
        "Bearer bp_Zm9vYmFyYmF6cXV4MTIzNA".to_owned(),
        good.replacen("Bearer", "Basic", 1),
        token(TokenRequest {
            lifetime: -60,
            ..TokenRequest::default()
        })
        .await,
        token(TokenRequest {
            audience: "billing",
            ..TokenRequest::default()
        })
        .await,
        support(&TestIssuer::start().await).await,
    ];
    for authorization in forged {
        let response = get(&process.raw, "/v1/catalog", &authorization).await;
        response.assert_error(401, ErrorCode::Unauthorized);
        assert!(
            response.header("www-authenticate").starts_with("Bearer"),
            "{response:?}"
        );
    }
    let twice = process.raw.request(Method::GET, "/v1/catalog");
    let twice = RawResponse::from_request(twice.header(AUTHORIZATION, &good).header(AUTHORIZATION, &good)).await;
    twice.assert_error(401, ErrorCode::Unauthorized);

    // The HTTP server rejects a header of that length, and may close the connection before it is sent.
    let long = with("padding", json!("a".repeat(1024 * 1024)));
    let long = process
        .raw
        .request(Method::GET, "/v1/catalog")
        .header(AUTHORIZATION, long);
    if let Ok(response) = long.send().await {
        assert_eq!(response.status(), 431);
    }
    assert_eq!(
        get(&process.raw, "/v1/catalog", &good).await.status,
        200,
        "the service is alive"
    );
}

async fn the_service_recovers_from_an_outage_of_the_issuer() {
    let issuer = TestIssuer::start().await;
    let bearer = support(&issuer).await;
    issuer.go_down().await;
    let process = serve(&issuer).await;
    process.logged("cannot fetch the issuer's keys").await;
    let later = get(&process.raw, "/v1/catalog", &bearer).await;
    later.assert_error(503, ErrorCode::Unavailable);
    later.header("retry-after");
    assert_eq!(process.raw.get("/healthz").await.status, 200);
    assert_eq!(
        process.raw.get("/v1/catalog").await.status,
        401,
        "a request without a token is rejected"
    );
    issuer.come_up().await;
    until("the keys are fetched", async || {
        (get(&process.raw, "/v1/catalog", &bearer).await.status == 200).then_some(())
    })
    .await;
    let ended = process.stop().await;
    assert_eq!(
        ended.stderr.matches("cannot fetch the issuer's keys").count(),
        1,
        "{}",
        ended.stderr
    );
}
