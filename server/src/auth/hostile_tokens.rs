//! Tests with forged tokens, and with valid tokens that resemble them.

use super::keys::KeySet;
use super::{BearerKind, InvalidToken, RoleGrants, TokenRules, TokenType, VerifiedToken, Verifier};
use crate::domain::clock::Clock;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tenant_registry_contract::server::{Scope, Scopes};
use test_support::issuer::{Signer, base64url};

const ISSUER: &str = "https://sso.example.com/realms/platform";
const NOW: i64 = 1_800_000_000;
const LEEWAY: i64 = 30;
const TENANT: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";

/// An issuer with a key of each kind, and a verifier of its tokens.
struct TestIssuer {
    rsa: Signer,
    ec: Signer,
    ed: Signer,
    keys: KeySet,
    verifier: Verifier,
    now: Arc<AtomicI64>,
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn issuer() -> TestIssuer {
    issuer_with(|_| {})
}

/// An issuer whose tokens are verified by changed rules.
fn issuer_with(change: impl FnOnce(&mut TokenRules)) -> TestIssuer {
    let (rsa, ec, ed) = (Signer::rs256(), Signer::es256(), Signer::ed_dsa());
    let mut rules = TokenRules {
        issuer: ISSUER.parse().unwrap(),
        audience: "tenant-registry".parse().unwrap(),
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
        tenant_claim: "tenant_id".parse().unwrap(),
        all_tenants_role: None,
        token_type: TokenType::Any,
        roles: RoleGrants::from_iter(["support=tenants:read+audit:read".parse().unwrap()]),
    };
    change(&mut rules);
    let now = Arc::new(AtomicI64::new(NOW));
    let source = Arc::clone(&now);
    let clock = Clock::from_fn(move || DateTime::<Utc>::from_timestamp(source.load(Ordering::Relaxed), 0).unwrap());
    TestIssuer {
        keys: set(&[rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]),
        rsa,
        ec,
        ed,
        verifier: Verifier::new(rules, clock).unwrap(),
        now,
    }
}

impl TestIssuer {
    fn verify(&self, token: &str) -> Result<Arc<VerifiedToken>, InvalidToken> {
        self.verifier.verify(&self.keys, token)
    }

    /// Verifies a valid token with these changes.
    fn verify_with(&self, header: &Value, claims: &Value) -> Result<Arc<VerifiedToken>, InvalidToken> {
        self.verify(
            &self
                .ed
                .token(&changed(good_header(), header), &changed(good_claims(), claims)),
        )
    }
}

fn good_header() -> Value {
    json!({ "alg": "EdDSA", "typ": "JWT", "kid": "ed" })
}

/// The claims of a Keycloak token.
fn good_claims() -> Value {
    json!({
        "exp": NOW + 300, "iat": NOW, "jti": "trrtcc:1", "iss": ISSUER, "aud": ["tenant-registry", "account"],
        "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "typ": "Bearer", "azp": "console", "preferred_username": "ada",
        "realm_access": { "roles": ["support", "offline_access"] },
        "resource_access": {
            "tenant-registry": { "roles": ["catalog:read"] },
            "account": { "roles": ["tenants:write", "manage-account"] },
        },
        "scope": "openid email audit:write",
    })
}

/// Changes members of an object. Null removes a member.
fn changed(mut members: Value, changes: &Value) -> String {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.as_object_mut().unwrap().remove(name);
        } else {
            members[name] = value.clone();
        }
    }
    members.to_string()
}

#[test]
fn a_valid_token_identifies_its_bearer_and_grants_scopes() {
    let issuer = issuer();
    for (signer, id) in [(&issuer.rsa, "rsa"), (&issuer.ec, "ec"), (&issuer.ed, "ed")] {
        let header = json!({ "alg": signer.algorithm(), "kid": id });
        let token = signer.token(&header.to_string(), &good_claims().to_string());
        let verified = issuer.verify(&token).unwrap();
        assert_eq!(verified.subject.as_str(), "7c9e6679-7425-40de-944b-e07fc1f90ae7");
        assert_eq!(verified.name.as_ref().unwrap().as_str(), "ada");
        assert_eq!((verified.kind, verified.tenant), (BearerKind::User, None));
        let scopes = [
            Scope::TenantsRead,
            Scope::AuditRead,
            Scope::CatalogRead,
            Scope::AuditWrite,
        ];
        assert_eq!(
            verified.scopes,
            Scopes::from_iter(scopes),
            "the roles of other services grant nothing"
        );
        assert!(
            Arc::ptr_eq(&verified, &issuer.verify(&token).unwrap()),
            "the second result comes from the cache"
        );
    }
}

#[test]
fn a_program_is_named_after_its_client() {
    let issuer = issuer();
    for claims in [
        json!({ "client_id": "Billing", "preferred_username": "service-account-billing" }),
        json!({ "azp": null, "client_id": "Billing", "sub": "Billing", "preferred_username": null }),
        json!({ "typ": null, "client_id": "Billing", "sub": "Billing" }),
    ] {
        let verified = issuer.verify_with(&json!({}), &claims).unwrap();
        let name = verified.name.as_ref().unwrap().as_str();
        assert_eq!(
            (verified.kind, name),
            (BearerKind::ServiceAccount, "Billing"),
            "{claims}"
        );
    }
}

#[test]
fn a_user_is_not_a_program_whatever_the_claims_that_a_user_chooses() {
    let issuer = issuer();
    for claims in [
        json!({ "preferred_username": "service-account-other" }),
        // `azp` is the client of the user's session.
        json!({ "azp": "console", "preferred_username": "service-account-console" }),
        json!({ "azp": "console", "preferred_username": "console" }),
        json!({ "azp": "console", "clientId": "console", "preferred_username": "service-account-console" }),
        json!({ "client_id": "console", "preferred_username": "ada" }),
        json!({ "client_id": "console", "preferred_username": "service-account-other" }),
        // Of an issuer that writes `client_id` into every token (RFC 9068).
        json!({ "typ": null, "client_id": "console", "preferred_username": "service-account-console" }),
    ] {
        let verified = issuer.verify_with(&json!({}), &claims).unwrap();
        assert_eq!(verified.kind, BearerKind::User, "{claims}");
        assert_eq!(
            verified.name.as_ref().map(|name| name.as_str()),
            claims.get("preferred_username").and_then(Value::as_str).or(Some("ada")),
            "{claims}"
        );
    }
}

#[test]
fn the_tenant_claim_is_a_tenant_id_or_absent() {
    let issuer = issuer();
    let verified = issuer.verify_with(&json!({}), &json!({ "tenant_id": TENANT })).unwrap();
    assert_eq!(verified.tenant, Some(TENANT.parse().unwrap()));
    for other in [
        json!(""),
        json!("acme"),
        json!("*"),
        json!([]),
        json!([TENANT]),
        json!({}),
        json!(0),
        json!(false),
    ] {
        let rejected = issuer.verify_with(&json!({}), &json!({ "tenant_id": other }));
        assert_eq!(rejected, Err(InvalidToken::InvalidTenant), "{other}");
    }
    let null = good_claims().to_string().replacen('{', r#"{"tenant_id": null, "#, 1);
    assert_eq!(
        issuer.verify(&issuer.ed.token(&good_header().to_string(), &null)),
        Err(InvalidToken::InvalidTenant)
    );
}

#[test]
fn a_dotted_tenant_claim_is_a_member_of_another_claim() {
    let issuer = issuer_with(|rules| rules.tenant_claim = "org.tenant_id".parse().unwrap());
    let tenant = |claims| issuer.verify_with(&json!({}), &claims).map(|verified| verified.tenant);
    let only = Ok(Some(TENANT.parse().unwrap()));
    assert_eq!(tenant(json!({ "org": { "tenant_id": TENANT } })), only);
    assert_eq!(tenant(json!({ "org.tenant_id": TENANT })), only);
    assert_eq!(tenant(json!({ "org": { "name": "Acme" } })), Ok(None));
    for unclear in [
        json!({ "org": TENANT }),
        json!({ "org": [TENANT] }),
        json!({ "org": { "tenant_id": null } }),
        json!({ "org": { "tenant_id": "" } }),
        json!({ "org": { "tenant_id": [TENANT] } }),
        json!({ "org": { "tenant_id": TENANT }, "org.tenant_id": TENANT }),
    ] {
        assert_eq!(tenant(unclear.clone()), Err(InvalidToken::InvalidTenant), "{unclear}");
    }
}

#[test]
fn a_token_for_all_tenants_needs_the_role_if_one_is_set() {
    let issuer = issuer_with(|rules| rules.all_tenants_role = Some("all-tenants".parse().unwrap()));
    let tenant = |claims| issuer.verify_with(&json!({}), &claims).map(|verified| verified.tenant);
    let realm = json!({ "realm_access": { "roles": ["support", "all-tenants"] } });
    let client = json!({ "resource_access": { "tenant-registry": { "roles": ["all-tenants"] } } });
    for allowed in [realm, client] {
        assert_eq!(tenant(allowed.clone()), Ok(None), "{allowed}");
    }
    for rejected in [
        json!({}),
        json!({ "realm_access": null }),
        json!({ "realm_access": { "roles": ["All-Tenants", "all-tenants "] } }),
        json!({ "resource_access": { "account": { "roles": ["all-tenants"] } } }),
        json!({ "scope": "all-tenants" }),
    ] {
        assert_eq!(tenant(rejected.clone()), Err(InvalidToken::NoTenant), "{rejected}");
    }
    let limited = json!({ "tenant_id": TENANT, "realm_access": { "roles": ["all-tenants"] } });
    assert_eq!(
        tenant(limited),
        Ok(Some(TENANT.parse().unwrap())),
        "the claim has precedence"
    );
    let unclear = json!({ "tenant_id": "*", "realm_access": { "roles": ["all-tenants"] } });
    assert_eq!(tenant(unclear), Err(InvalidToken::InvalidTenant));
}

#[test]
fn only_the_three_supported_algorithms_are_accepted() {
    let issuer = issuer();
    for algorithm in [
        "none", "None", "NONE", "nOnE", "", "HS256", "RS384", "PS256", "ES384", "ES256K", "eddsa",
    ] {
        let header = json!({ "alg": algorithm, "kid": "rsa" }).to_string();
        let message = format!("{}.{}", base64url(&header), base64url(good_claims().to_string()));
        for signature in ["", "AAAA"] {
            let rejected = issuer.verify(&format!("{message}.{signature}")).unwrap_err();
            assert!(
                matches!(rejected, InvalidToken::Algorithm | InvalidToken::Malformed),
                "{header}: {rejected}"
            );
        }
        let rejected = issuer.verify(&issuer.rsa.token(&header, &good_claims().to_string()));
        assert_eq!(rejected, Err(InvalidToken::Algorithm), "{header}");
    }
    let rejected = issuer.verify_with(&json!({ "alg": null }), &json!({}));
    assert_eq!(rejected, Err(InvalidToken::Malformed), "no algorithm");
}

#[test]
fn a_public_key_is_not_accepted_as_a_shared_secret() {
    let issuer = issuer();
    let Signer::Rs256(key) = &issuer.rsa else {
        panic!("an RSA key");
    };
    let der = key.public_key().as_der().unwrap().as_ref().to_vec();
    let lines: Vec<_> = STANDARD.encode(&der).into_bytes();
    let lines: Vec<_> = lines.chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    );
    let modulus = issuer.rsa.jwk("rsa")["n"].as_str().unwrap().to_owned();
    let secrets: [&[u8]; 5] = [
        &der,
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        modulus.as_bytes(),
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(&modulus)
            .unwrap(),
    ];
    // With HMAC as the declared algorithm, and with the algorithm that the key is for.
    for (algorithm, error) in [("HS256", InvalidToken::Algorithm), ("RS256", InvalidToken::Signature)] {
        for secret in secrets {
            let header = json!({ "alg": algorithm, "kid": "rsa" }).to_string();
            let message = format!("{}.{}", base64url(header), base64url(good_claims().to_string()));
            let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            let rejected = issuer.verify(&format!("{message}.{}", base64url(signature)));
            assert_eq!(rejected, Err(error), "{algorithm}");
        }
    }
}

#[test]
fn a_key_is_used_only_with_its_algorithm() {
    let issuer = issuer();
    let claims = good_claims().to_string();
    let header = |algorithm: &str, id: &str| json!({ "alg": algorithm, "kid": id }).to_string();
    for (algorithm, id, error) in [
        ("ES256", "rsa", InvalidToken::KeyAlgorithm),
        ("EdDSA", "rsa", InvalidToken::KeyAlgorithm),
        ("ES256", "ec", InvalidToken::Signature),
        ("EdDSA", "ed", InvalidToken::Signature),
    ] {
        let rejected = issuer.verify(&issuer.rsa.token(&header(algorithm, id), &claims));
        assert_eq!(rejected, Err(error), "{algorithm} {id}");
    }
    // Another issuer's key under the id of one of this issuer's keys.
    let rejected = issuer.verify(&Signer::rs256().token(&header("RS256", "rsa"), &claims));
    assert_eq!(rejected, Err(InvalidToken::Signature));
}

#[test]
fn a_kid_is_only_compared() {
    let issuer = issuer();
    for id in [
        "other",
        "",
        "../../etc/passwd",
        "/dev/null",
        "https://attacker.example/jwks",
        "ed' OR '1'='1",
        "ed\u{0}",
        "ED",
        "*",
    ] {
        let rejected = issuer.verify_with(&json!({ "kid": id }), &json!({}));
        assert_eq!(rejected, Err(InvalidToken::UnknownKey), "{id}");
    }
    let rejected = issuer.verify_with(&json!({ "kid": ["ed"] }), &json!({}));
    assert_eq!(rejected, Err(InvalidToken::Malformed));
    // A token without `kid` is accepted only if exactly one key fits.
    assert!(issuer.verify_with(&json!({ "kid": null }), &json!({})).is_ok());
    let two = set(&[issuer.ed.jwk("ed"), Signer::ed_dsa().jwk("next")]);
    let token = issuer.ed.token(
        &changed(good_header(), &json!({ "kid": null })),
        &good_claims().to_string(),
    );
    assert_eq!(issuer.verifier.verify(&two, &token), Err(InvalidToken::AmbiguousKey));
}

#[test]
fn embedded_keys_and_critical_extensions_are_rejected() {
    let issuer = issuer();
    let other = Signer::ed_dsa();
    let elsewhere = "https://attacker.example/jwks";
    for (member, value) in [
        ("jku", json!(elsewhere)),
        ("x5u", json!(elsewhere)),
        ("jwk", other.jwk("ed")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = changed(good_header(), &json!({ member: value }));
        for signer in [&issuer.ed, &other] {
            let rejected = issuer.verify(&signer.token(&header, &good_claims().to_string()));
            assert_eq!(rejected, Err(InvalidToken::EmbeddedKey), "{member}");
        }
    }
    for critical in [json!(["b64"]), json!([]), json!("exp"), json!(["exp"])] {
        let rejected = issuer.verify_with(&json!({ "crit": critical, "b64": false }), &json!({}));
        assert_eq!(rejected, Err(InvalidToken::CriticalExtension), "{critical}");
    }
}

#[test]
fn times_are_compared_with_the_clock_with_leeway() {
    let issuer = issuer();
    let not_yet_valid = |claim| Err(InvalidToken::NotYetValid(claim));
    let invalid = |claim| Err(InvalidToken::InvalidClaim(claim));
    let cases = [
        (json!({ "exp": NOW - LEEWAY + 1 }), Ok(())),
        (json!({ "exp": NOW - LEEWAY }), Err(InvalidToken::Expired)),
        (json!({ "exp": 0 }), Err(InvalidToken::Expired)),
        (json!({ "exp": NOW as f64 + 0.5 }), Ok(())),
        (json!({ "exp": null }), Err(InvalidToken::MissingClaim("exp"))),
        (json!({ "exp": (NOW + 300).to_string() }), invalid("exp")),
        (json!({ "exp": u64::MAX }), invalid("exp")),
        (json!({ "exp": i64::MAX }), invalid("exp")),
        (json!({ "exp": 1e300 }), invalid("exp")),
        (json!({ "exp": -1 }), invalid("exp")),
        // The library rejects this one itself.
        (json!({ "exp": [NOW + 300] }), Err(InvalidToken::MalformedClaims)),
        (json!({ "exp": true }), invalid("exp")),
        (json!({ "nbf": NOW + LEEWAY }), Ok(())),
        (json!({ "nbf": NOW + LEEWAY + 1 }), not_yet_valid("nbf")),
        (json!({ "nbf": "now" }), invalid("nbf")),
        (json!({ "nbf": NOW.to_string() }), invalid("nbf")),
        (json!({ "nbf": [NOW] }), Err(InvalidToken::MalformedClaims)),
        (json!({ "iat": NOW.to_string() }), invalid("iat")),
        (json!({ "iat": {} }), invalid("iat")),
        (json!({ "iat": NOW + LEEWAY }), Ok(())),
        (json!({ "iat": NOW + LEEWAY + 1 }), not_yet_valid("iat")),
        (json!({ "iat": null }), Ok(())),
    ];
    for (claims, expected) in cases {
        assert_eq!(
            issuer.verify_with(&json!({}), &claims).map(|_| ()),
            expected,
            "{claims}"
        );
    }
    let claims = good_claims().to_string();
    for huge in ["1e999", "999999999999999999999999999999", "-0.5e400"] {
        let claims = claims.replace(&(NOW + 300).to_string(), huge);
        let rejected = issuer.verify(&issuer.ed.token(&good_header().to_string(), &claims));
        assert!(
            matches!(
                rejected,
                Err(InvalidToken::InvalidClaim("exp") | InvalidToken::MalformedClaims)
            ),
            "{huge}: {rejected:?}"
        );
    }
}

#[test]
fn a_cached_token_ends_with_its_expiry_and_with_its_key_set() {
    let issuer = issuer();
    let token = issuer.ed.token(&good_header().to_string(), &good_claims().to_string());
    assert!(issuer.verify(&token).is_ok());
    issuer.now.store(NOW + 300 + LEEWAY - 1, Ordering::Relaxed);
    assert!(issuer.verify(&token).is_ok());
    let withdrawn = set(&[issuer.rsa.jwk("rsa")]);
    assert_eq!(
        issuer.verifier.verify(&withdrawn, &token),
        Err(InvalidToken::UnknownKey)
    );
    let replaced = set(&[Signer::ed_dsa().jwk("ed")]);
    assert_eq!(issuer.verifier.verify(&replaced, &token), Err(InvalidToken::Signature));
    issuer.now.store(NOW + 300 + LEEWAY, Ordering::Relaxed);
    assert_eq!(issuer.verify(&token), Err(InvalidToken::Expired));
}

#[test]
fn issuer_and_audience_are_compared_exactly() {
    let issuer = issuer();
    let cases = [
        (json!({ "iss": format!("{ISSUER}/") }), Err(InvalidToken::WrongIssuer)),
        (json!({ "iss": ISSUER.to_uppercase() }), Err(InvalidToken::WrongIssuer)),
        (
            json!({ "iss": "https://attacker.example" }),
            Err(InvalidToken::WrongIssuer),
        ),
        (json!({ "iss": [ISSUER] }), Err(InvalidToken::InvalidClaim("iss"))),
        (json!({ "iss": null }), Err(InvalidToken::MissingClaim("iss"))),
        (json!({ "aud": "tenant-registry" }), Ok(())),
        (json!({ "aud": "account" }), Err(InvalidToken::WrongAudience)),
        (
            json!({ "aud": ["account", "tenant-registry-2"] }),
            Err(InvalidToken::WrongAudience),
        ),
        (json!({ "aud": [] }), Err(InvalidToken::WrongAudience)),
        (json!({ "aud": null }), Err(InvalidToken::MissingClaim("aud"))),
        (json!({ "aud": 1 }), Err(InvalidToken::MissingClaim("aud"))),
        (json!({ "aud": [1] }), Err(InvalidToken::MissingClaim("aud"))),
        (
            json!({ "aud": [1, "tenant-registry"] }),
            Err(InvalidToken::MissingClaim("aud")),
        ),
        (
            json!({ "aud": { "tenant-registry": true } }),
            Err(InvalidToken::MissingClaim("aud")),
        ),
        (
            json!({ "aud": "tenant-registry account" }),
            Err(InvalidToken::WrongAudience),
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(
            issuer.verify_with(&json!({}), &claims).map(|_| ()),
            expected,
            "{claims}"
        );
    }
}

#[test]
fn other_tokens_of_the_issuer_are_not_access_tokens() {
    let issuer = issuer();
    for claims in [
        json!({ "typ": "ID" }),
        json!({ "typ": "Refresh" }),
        json!({ "typ": "Offline" }),
        json!({ "typ": "Logout" }),
        json!({ "typ": "DPoP" }),
        json!({ "typ": 1 }),
        json!({ "typ": null, "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng" }),
    ] {
        let rejected = issuer.verify_with(&json!({}), &claims);
        assert_eq!(rejected, Err(InvalidToken::NotAnAccessToken), "{claims}");
    }
    for (typ, expected) in [
        ("at+jwt", Ok(())),
        ("application/at+jwt", Ok(())),
        ("jwt", Ok(())),
        ("logout+jwt", Err(InvalidToken::NotAnAccessToken)),
        ("JWE", Err(InvalidToken::NotAnAccessToken)),
    ] {
        let claims = json!({ "typ": null });
        let verified = issuer.verify_with(&json!({ "typ": typ }), &claims).map(|_| ());
        assert_eq!(verified, expected, "{typ}");
    }
    let strict = issuer_with(|rules| rules.token_type = TokenType::AtJwt);
    for (typ, expected) in [
        (json!("at+jwt"), Ok(())),
        (json!("AT+JWT"), Ok(())),
        (json!("application/at+jwt"), Ok(())),
        (json!("JWT"), Err(InvalidToken::NotAtJwt)),
        (json!(null), Err(InvalidToken::NotAtJwt)),
        (json!("logout+jwt"), Err(InvalidToken::NotAnAccessToken)),
        (json!(""), Err(InvalidToken::NotAnAccessToken)),
    ] {
        let verified = strict.verify_with(&json!({ "typ": typ }), &json!({})).map(|_| ());
        assert_eq!(verified, expected, "{typ}");
    }
}

#[test]
fn tokens_bound_to_a_key_are_rejected() {
    let issuer = issuer();
    for bound in [
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        json!({ "jwk": issuer.ed.jwk("ed") }),
        json!({}),
        json!("none"),
    ] {
        let rejected = issuer.verify_with(&json!({}), &json!({ "cnf": bound }));
        assert_eq!(rejected, Err(InvalidToken::Bound), "{bound}");
    }
    let null = good_claims().to_string().replacen('{', r#"{"cnf": null, "#, 1);
    let rejected = issuer.verify(&issuer.ed.token(&good_header().to_string(), &null));
    assert_eq!(rejected, Err(InvalidToken::Bound));
}

#[test]
fn a_label_that_is_no_text_keeps_nobody_out() {
    let issuer = issuer();
    for label in ["preferred_username", "azp", "client_id"] {
        for value in ["null", "1", "1.5", "true", "[]", r#"["ada"]"#, "{}"] {
            let claims = changed(good_claims(), &json!({ label: null }));
            let claims = claims.replacen('{', &format!(r#"{{"{label}": {value}, "#), 1);
            let verified = issuer
                .verify(&issuer.ed.token(&good_header().to_string(), &claims))
                .unwrap();
            assert_eq!(verified.subject.as_str(), "7c9e6679-7425-40de-944b-e07fc1f90ae7");
            let name = verified.name.as_ref().map(|name| name.as_str());
            let expected = (label != "preferred_username").then_some("ada");
            assert_eq!((name, verified.kind), (expected, BearerKind::User), "{label}: {value}");
        }
    }
    let nothing = ["scope", "realm_access", "resource_access"].map(|claim| (claim, Value::Null));
    let mut claims = good_claims();
    claims
        .as_object_mut()
        .unwrap()
        .extend(nothing.map(|(claim, null)| (claim.to_owned(), null)));
    let verified = issuer.verify(&issuer.ed.token(&good_header().to_string(), &claims.to_string()));
    assert_eq!(verified.unwrap().scopes, Scopes::from_iter([]), "null grants nothing");
}

#[test]
fn claims_are_validated() {
    let issuer = issuer();
    let invalid = |claim| Err(InvalidToken::InvalidClaim(claim));
    let cases = [
        (json!({ "sub": null }), Err(InvalidToken::MissingClaim("sub"))),
        (json!({ "sub": "" }), invalid("sub")),
        (json!({ "sub": 1 }), invalid("sub")),
        (json!({ "sub": "a\u{0}b" }), invalid("sub")),
        (json!({ "sub": "a".repeat(255) }), Ok(())),
        (json!({ "sub": "a".repeat(256) }), invalid("sub")),
        (json!({ "preferred_username": "a\u{0}b" }), Ok(())),
        (json!({ "scope": ["openid"] }), invalid("scope")),
        (
            json!({ "realm_access": { "roles": "support" } }),
            invalid("realm_access"),
        ),
        (json!({ "realm_access": [] }), invalid("realm_access")),
        (json!({ "realm_access": {} }), Ok(())),
        (json!({ "resource_access": "all" }), invalid("resource_access")),
        (
            json!({ "resource_access": { "tenant-registry": { "roles": [1] } } }),
            invalid("resource_access"),
        ),
        (
            json!({ "resource_access": null, "realm_access": null, "scope": null }),
            Ok(()),
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(
            issuer.verify_with(&json!({}), &claims).map(|_| ()),
            expected,
            "{claims}"
        );
    }
}

#[test]
fn duplicate_members_are_rejected() {
    let issuer = issuer();
    let header = good_header().to_string();
    for (name, value) in [
        ("exp", "1"),
        ("iss", r#""https://attacker.example""#),
        ("aud", r#""tenant-registry""#),
        ("sub", r#""root""#),
        ("scope", r#""tenants:write""#),
        ("realm_access", r#"{"roles": ["operator"]}"#),
    ] {
        let good = good_claims().to_string();
        let duplicate = format!(r#""{name}": {value}"#);
        let before = good.replacen('{', &format!("{{{duplicate}, "), 1);
        let after = format!("{}, {duplicate}}}", good.strip_suffix('}').unwrap());
        for claims in [before, after] {
            let rejected = issuer.verify(&issuer.ed.token(&header, &claims));
            assert_eq!(rejected, Err(InvalidToken::MalformedClaims), "{claims}");
        }
    }
    // A nested member, which another reader could read differently.
    for nested in [
        r#""org": {"tenant_id": "a", "tenant_id": "b"}"#,
        r#""org": [{"a": {"b": 1, "b": 2}}]"#,
    ] {
        let claims = good_claims().to_string().replacen('{', &format!("{{{nested}, "), 1);
        let rejected = issuer.verify(&issuer.ed.token(&header, &claims));
        assert_eq!(rejected, Err(InvalidToken::MalformedClaims), "{claims}");
    }
    for header in [
        r#"{"alg": "none", "alg": "EdDSA", "kid": "ed"}"#,
        r#"{"alg": "EdDSA", "kid": "ed", "kid": "other"}"#,
    ] {
        let rejected = issuer.verify(&issuer.ed.token(header, &good_claims().to_string()));
        assert_eq!(rejected, Err(InvalidToken::Malformed), "{header}");
    }
}

#[test]
fn malformed_tokens_are_rejected_without_a_panic() {
    let issuer = issuer();
    let good = issuer.ed.token(&good_header().to_string(), &good_claims().to_string());
    let (message, signature) = good.rsplit_once('.').unwrap();
    for broken in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer",
        message,
        &format!("{message}."),
        &format!(".{good}"),
        &format!("{good}."),
        &format!("{good}.{signature}"),
        &format!("{good}=="),
        &format!(" {good}"),
        &format!("{good}\n"),
        &good.replace('.', "\u{2024}"),
        &good.replacen("ey", "e+", 1),
        "ключ.ключ.ключ",
    ] {
        assert_eq!(issuer.verify(broken), Err(InvalidToken::Malformed), "{broken}");
    }
    for end in 0..good.len() {
        assert!(issuer.verify(&good[..end]).is_err(), "cut off at {end}");
    }
    for claims in ["", "[]", "null", "1", r#""text""#, "{", "{\"exp\": }"] {
        let rejected = issuer.verify(&issuer.ed.token(&good_header().to_string(), claims));
        assert!(
            matches!(rejected, Err(InvalidToken::MalformedClaims | InvalidToken::Malformed)),
            "{claims}: {rejected:?}"
        );
    }
    // A changed character in the claims and in the signature.
    for index in [message.find('.').unwrap() + 10, good.len() - 10] {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let rejected = issuer.verify(str::from_utf8(&bytes).unwrap());
        assert_eq!(rejected, Err(InvalidToken::Signature));
    }
    assert!(issuer.verify(&good).is_ok());
}

#[test]
fn long_tokens_are_rejected_unread() {
    let issuer = issuer();
    let padded = |bytes: usize| issuer.verify_with(&json!({}), &json!({ "padding": "a".repeat(bytes) }));
    assert!(padded(8 * 1024).is_ok());
    assert_eq!(padded(16 * 1024), Err(InvalidToken::TooLong));
    assert_eq!(padded(1024 * 1024), Err(InvalidToken::TooLong));
    let rejected = issuer.verify_with(&json!({ "kid": "a".repeat(1024 * 1024) }), &json!({}));
    assert_eq!(rejected, Err(InvalidToken::TooLong));
    let nested = format!(r#"{{"exp": {}}}"#, "[".repeat(12_000));
    let rejected = issuer.verify(&issuer.ed.token(&good_header().to_string(), &nested));
    assert!(
        matches!(rejected, Err(InvalidToken::MalformedClaims | InvalidToken::TooLong)),
        "{rejected:?}"
    );
}

#[test]
fn no_error_quotes_the_token() {
    let issuer = issuer();
    let secret = "swordfish";
    for (header, claims) in [
        (json!({ "kid": secret }), json!({})),
        (json!({ "alg": secret }), json!({})),
        (json!({ "typ": secret }), json!({})),
        (json!({ "crit": [secret] }), json!({})),
        (json!({}), json!({ "exp": secret })),
        (json!({}), json!({ "iss": secret })),
        (json!({}), json!({ "aud": secret })),
        (json!({}), json!({ "tenant_id": secret })),
        (json!({}), json!({ "realm_access": secret })),
    ] {
        let error = issuer.verify_with(&header, &claims).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
