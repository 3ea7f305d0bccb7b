//! Tokens of a real issuer: a published OpenID provider, which the tests start.

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
    BearerKind, InvalidToken, Issuer, IssuerSettings, RefreshSettings, RoleGrant, TokenError, TokenRules, VerifiedToken,
};
use tenant_registry_server::domain::clock::Clock;

process_cases![
    tokens_of_each_algorithm_are_taken,
    roles_and_scopes_become_what_the_bearer_may_do,
    new_keys_are_taken_and_old_ones_are_not,
    keys_stay_while_the_issuer_is_down,
    the_start_does_not_wait_for_the_issuer,
    unknown_keys_cost_the_issuer_one_look,
    unknown_keys_cost_nothing_after_a_look,
    tokens_of_another_time_audience_or_realm_are_refused,
    the_binary_lets_in_who_has_a_token,
    the_binary_refuses_made_up_tokens,
    the_binary_serves_when_the_issuer_comes_back,
];

const NEVER: Duration = Duration::from_secs(3600);

/// Looks whenever there is a reason to, and by itself never.
const ALWAYS: RefreshSettings = RefreshSettings {
    interval: NEVER,
    pause: Duration::ZERO,
};

fn start(realm: &TestIssuer, refresh: RefreshSettings) -> Issuer {
    let roles = ["support=tenants:read+audit:read", "operator=*"];
    let rules = TokenRules {
        issuer: realm.url.parse().unwrap(),
        audience: AUDIENCE.to_owned(),
        leeway: Duration::from_secs(30),
        tenant_claim: "tenant_id".to_owned(),
        roles: roles.iter().map(|role| role.parse::<RoleGrant>().unwrap()).collect(),
    };
    Issuer::start(IssuerSettings { rules, refresh }, Clock::system()).unwrap()
}

async fn ready(realm: &TestIssuer, refresh: RefreshSettings) -> Issuer {
    let verifier = start(realm, refresh);
    until("the keys are fetched", async || verifier.is_ready().then_some(())).await;
    verifier
}

fn refusal(verified: Result<Arc<VerifiedToken>, TokenError>) -> InvalidToken {
    match verified {
        Err(TokenError::Invalid(refusal)) => refusal,
        Ok(_) | Err(TokenError::Unavailable) => panic!("{verified:?}"),
    }
}

async fn tokens_of_each_algorithm_are_taken() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let wanted = TokenRequest {
            algorithm,
            ..TokenRequest::default()
        };
        let verified = verifier.verify(&realm.token(wanted).await).await.unwrap();
        assert_eq!(verified.subject.as_str(), "billing", "{algorithm}");
        assert_eq!(verified.name.as_ref().unwrap().as_str(), "billing");
        assert_eq!((verified.kind, verified.tenant), (BearerKind::ServiceAccount, None));
        assert!(Scope::ALL.iter().all(|scope| !verified.scopes.contains(*scope)));
    }
    assert_eq!(realm.key_fetches().await, 1);
}

async fn roles_and_scopes_become_what_the_bearer_may_do() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
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
    let verified = verifier.verify(&realm.token(wanted).await).await.unwrap();
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
        refusal(verifier.verify(&realm.token(acme).await).await),
        InvalidToken::InvalidTenant
    );
}

async fn new_keys_are_taken_and_old_ones_are_not() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
    let old = realm.token(TokenRequest::default()).await;
    assert!(verifier.verify(&old).await.is_ok());
    realm.rotate().await;
    assert!(verifier.verify(&old).await.is_ok(), "nobody has looked yet");
    let new = realm.token(TokenRequest::default()).await;
    assert!(verifier.verify(&new).await.is_ok(), "without a restart");
    assert_eq!(refusal(verifier.verify(&old).await), InvalidToken::UnknownKey);
    assert!(verifier.verify(&new).await.is_ok());

    // And without a token that asks for it.
    let often = RefreshSettings {
        interval: Duration::from_millis(10),
        pause: NEVER,
    };
    let verifier = ready(&realm, often).await;
    assert!(verifier.verify(&new).await.is_ok());
    realm.rotate().await;
    until("the old key is refused", async || verifier.verify(&new).await.err()).await;
}

async fn keys_stay_while_the_issuer_is_down() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
    let (seen, unseen) = (
        realm.token(TokenRequest::default()).await,
        realm.token(TokenRequest::default()).await,
    );
    assert!(verifier.verify(&seen).await.is_ok());
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    realm.rotate().await;
    let new = realm.token(TokenRequest::default()).await;
    realm.go_down().await;
    // It looks, and finds nobody.
    for unknown in [&foreign, &new] {
        assert_eq!(refusal(verifier.verify(unknown).await), InvalidToken::UnknownKey);
    }
    for old in [&seen, &unseen] {
        assert!(verifier.verify(old).await.is_ok());
    }
    assert!(verifier.is_ready());
    realm.come_up().await;
    assert!(verifier.verify(&new).await.is_ok());
    assert_eq!(refusal(verifier.verify(&unseen).await), InvalidToken::UnknownKey);
}

async fn the_start_does_not_wait_for_the_issuer() {
    let realm = TestIssuer::start().await;
    let token = realm.token(TokenRequest::default()).await;
    realm.go_down().await;
    let verifier = start(&realm, ALWAYS);
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Unavailable));
    assert!(!verifier.is_ready());
    realm.come_up().await;
    until("the keys are fetched", async || verifier.is_ready().then_some(())).await;
    assert!(verifier.verify(&token).await.is_ok());
}

async fn unknown_keys_cost_the_issuer_one_look() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    let asked = (0..500).map(|_| verifier.verify(&foreign));
    for verified in join_all(asked).await {
        assert_eq!(refusal(verified), InvalidToken::UnknownKey);
    }
    assert_eq!(realm.key_fetches().await, 2, "the first, and one for all of them");
}

async fn unknown_keys_cost_nothing_after_a_look() {
    let realm = TestIssuer::start().await;
    let seldom = RefreshSettings { pause: NEVER, ..ALWAYS };
    let verifier = ready(&realm, seldom).await;
    let foreign = TestIssuer::start().await.token(TokenRequest::default()).await;
    for _ in 0..100 {
        assert_eq!(refusal(verifier.verify(&foreign).await), InvalidToken::UnknownKey);
    }
    assert_eq!(realm.key_fetches().await, 1);
}

async fn tokens_of_another_time_audience_or_realm_are_refused() {
    let realm = TestIssuer::start().await;
    let verifier = ready(&realm, ALWAYS).await;
    let rejection = async |wanted| refusal(verifier.verify(&realm.token(wanted).await).await);
    let lifetime = |lifetime| TokenRequest {
        lifetime,
        ..TokenRequest::default()
    };
    assert_eq!(rejection(lifetime(-60)).await, InvalidToken::Expired);
    assert!(
        verifier.verify(&realm.token(lifetime(-1)).await).await.is_ok(),
        "leeway"
    );
    let audience = TokenRequest {
        audience: "billing",
        ..TokenRequest::default()
    };
    assert_eq!(rejection(audience).await, InvalidToken::WrongAudience);
    let id_token = TokenRequest {
        claims: json!({ "typ": "ID" }),
        ..TokenRequest::default()
    };
    assert_eq!(rejection(id_token).await, InvalidToken::NotAnAccessToken);
    let foreign = TokenRequest {
        claims: json!({ "iss": "https://sso.example.com" }),
        ..TokenRequest::default()
    };
    assert_eq!(rejection(foreign).await, InvalidToken::WrongIssuer);
}

async fn serve(realm: &TestIssuer) -> ServiceProcess {
    ServiceProcess::serve(&|command| {
        command
            .env("OIDC_ISSUER", &realm.url)
            .env("OIDC_ROLES", "support=catalog:read+audit:read+audit:write")
    })
    .await
}

async fn get(raw: &RawClient, path: &str, authorization: &str) -> RawResponse {
    RawResponse::from_request(raw.request(Method::GET, path).header(AUTHORIZATION, authorization)).await
}

/// A token that may read the catalog, and read and write the log.
async fn support(realm: &TestIssuer) -> String {
    let wanted = TokenRequest {
        claims: json!({ "realm_access": { "roles": ["support"] } }),
        ..TokenRequest::default()
    };
    format!("Bearer {}", realm.token(wanted).await)
}

async fn the_binary_lets_in_who_has_a_token() {
    let realm = TestIssuer::start().await;
    let process = serve(&realm).await;
    let bearer = support(&realm).await;
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
    assert_eq!(ended.stdout, "", "it is not open");
    let secret = bearer.rsplit('.').next().unwrap();
    assert!(!ended.stderr.contains(secret), "no token is logged");
}

async fn the_binary_refuses_made_up_tokens() {
    let realm = TestIssuer::start().await;
    let process = serve(&realm).await;
    let good = support(&realm).await;
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
    let token = async |wanted| format!("Bearer {}", realm.token(wanted).await);
    let made_up = [
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
    for authorization in made_up {
        let refused = get(&process.raw, "/v1/catalog", &authorization).await;
        refused.assert_error(401, ErrorCode::Unauthorized);
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    }
    let twice = process.raw.request(Method::GET, "/v1/catalog");
    let twice = RawResponse::from_request(twice.header(AUTHORIZATION, &good).header(AUTHORIZATION, &good)).await;
    twice.assert_error(401, ErrorCode::Unauthorized);

    // The HTTP server looks at no header of that length; it may hang up before all of it is sent.
    let long = with("padding", json!("a".repeat(1024 * 1024)));
    let long = process
        .raw
        .request(Method::GET, "/v1/catalog")
        .header(AUTHORIZATION, long);
    if let Ok(answer) = long.send().await {
        assert_eq!(answer.status(), 431);
    }
    assert_eq!(get(&process.raw, "/v1/catalog", &good).await.status, 200, "it lives");
}

async fn the_binary_serves_when_the_issuer_comes_back() {
    let realm = TestIssuer::start().await;
    let bearer = support(&realm).await;
    realm.go_down().await;
    let process = serve(&realm).await;
    process.logged("cannot fetch the issuer's keys").await;
    let later = get(&process.raw, "/v1/catalog", &bearer).await;
    later.assert_error(503, ErrorCode::Unavailable);
    later.header("retry-after");
    assert_eq!(process.raw.get("/healthz").await.status, 200);
    assert_eq!(
        process.raw.get("/v1/catalog").await.status,
        401,
        "who has no token is told so"
    );
    realm.come_up().await;
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
