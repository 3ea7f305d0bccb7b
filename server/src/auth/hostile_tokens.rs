//! Tokens that somebody made to get in, and those that come close to them.

use super::keys::KeySet;
use super::{BearerKind, Refusal, RoleGrants, TokenRules, Verified, Verifier};
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

/// A realm with a key of each kind, and the service that takes its tokens.
struct Realm {
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

fn realm() -> Realm {
    let (rsa, ec, ed) = (Signer::rs256(), Signer::es256(), Signer::ed_dsa());
    let rules = TokenRules {
        issuer: ISSUER.parse().unwrap(),
        audience: "tenant-registry".to_owned(),
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
        tenant_claim: "tenant_id".to_owned(),
        roles: RoleGrants::from_iter(["support=tenants:read+audit:read".parse().unwrap()]),
    };
    let now = Arc::new(AtomicI64::new(NOW));
    let source = Arc::clone(&now);
    let clock = Clock::from_fn(move || DateTime::<Utc>::from_timestamp(source.load(Ordering::Relaxed), 0).unwrap());
    Realm {
        keys: set(&[rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]),
        rsa,
        ec,
        ed,
        verifier: Verifier::new(rules, clock).unwrap(),
        now,
    }
}

impl Realm {
    fn verify(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        self.verifier.verify(&self.keys, token)
    }

    /// A token that is good but for what is changed.
    fn verify_with(&self, header: &Value, claims: &Value) -> Result<Arc<Verified>, Refusal> {
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

/// As Keycloak makes them.
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

/// Null takes a member away; `"null"` as a text stays one.
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
fn good_tokens_say_who_bears_them_and_what_they_may_do() {
    let realm = realm();
    for (signer, id) in [(&realm.rsa, "rsa"), (&realm.ec, "ec"), (&realm.ed, "ed")] {
        let header = json!({ "alg": signer.algorithm(), "kid": id });
        let token = signer.token(&header.to_string(), &good_claims().to_string());
        let verified = realm.verify(&token).unwrap();
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
            Arc::ptr_eq(&verified, &realm.verify(&token).unwrap()),
            "it is remembered"
        );
    }
}

#[test]
fn a_program_goes_by_its_clients_name() {
    let realm = realm();
    for claims in [
        json!({ "client_id": "Billing", "preferred_username": "service-account-billing" }),
        json!({ "azp": "Billing", "preferred_username": "service-account-billing" }),
        json!({ "azp": null, "client_id": "Billing", "sub": "Billing", "preferred_username": null }),
    ] {
        let verified = realm.verify_with(&json!({}), &claims).unwrap();
        let name = verified.name.as_ref().unwrap().as_str();
        assert_eq!(
            (verified.kind, name),
            (BearerKind::ServiceAccount, "Billing"),
            "{claims}"
        );
    }
    let user = realm
        .verify_with(&json!({}), &json!({ "preferred_username": "service-account-other" }))
        .unwrap();
    assert_eq!(user.kind, BearerKind::User);
}

#[test]
fn the_claim_for_the_tenant_is_a_tenants_id_or_not_there() {
    let realm = realm();
    let verified = realm.verify_with(&json!({}), &json!({ "tenant_id": TENANT })).unwrap();
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
        let refused = realm.verify_with(&json!({}), &json!({ "tenant_id": other }));
        assert_eq!(refused, Err(Refusal::Tenant), "{other}");
    }
    let null = good_claims().to_string().replacen('{', r#"{"tenant_id": null, "#, 1);
    assert_eq!(
        realm.verify(&realm.ed.token(&good_header().to_string(), &null)),
        Err(Refusal::Tenant)
    );
}

#[test]
fn nothing_but_the_three_algorithms_signs() {
    let realm = realm();
    for algorithm in [
        "none", "None", "NONE", "nOnE", "", "HS256", "RS384", "PS256", "ES384", "ES256K", "eddsa",
    ] {
        let header = json!({ "alg": algorithm, "kid": "rsa" }).to_string();
        let message = format!("{}.{}", base64url(&header), base64url(good_claims().to_string()));
        for signature in ["", "AAAA"] {
            let refused = realm.verify(&format!("{message}.{signature}")).unwrap_err();
            assert!(
                matches!(refused, Refusal::Algorithm | Refusal::Form),
                "{header}: {refused}"
            );
        }
        let refused = realm.verify(&realm.rsa.token(&header, &good_claims().to_string()));
        assert_eq!(refused, Err(Refusal::Algorithm), "{header}");
    }
    let refused = realm.verify_with(&json!({ "alg": null }), &json!({}));
    assert_eq!(refused, Err(Refusal::Form), "none at all");
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let realm = realm();
    let Signer::Rs256(key) = &realm.rsa else {
        panic!("an RSA key");
    };
    let der = key.public_key().as_der().unwrap().as_ref().to_vec();
    let lines: Vec<_> = STANDARD.encode(&der).into_bytes();
    let lines: Vec<_> = lines.chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    );
    let modulus = realm.rsa.jwk("rsa")["n"].as_str().unwrap().to_owned();
    let secrets: [&[u8]; 5] = [
        &der,
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        modulus.as_bytes(),
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(&modulus)
            .unwrap(),
    ];
    // As it is said, and under the name of what the key is for.
    for (algorithm, refusal) in [("HS256", Refusal::Algorithm), ("RS256", Refusal::Signature)] {
        for secret in secrets {
            let header = json!({ "alg": algorithm, "kid": "rsa" }).to_string();
            let message = format!("{}.{}", base64url(header), base64url(good_claims().to_string()));
            let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            let refused = realm.verify(&format!("{message}.{}", base64url(signature)));
            assert_eq!(refused, Err(refusal), "{algorithm}");
        }
    }
}

#[test]
fn a_key_is_for_its_own_algorithm() {
    let realm = realm();
    let claims = good_claims().to_string();
    let header = |algorithm: &str, id: &str| json!({ "alg": algorithm, "kid": id }).to_string();
    for (algorithm, id, refusal) in [
        ("ES256", "rsa", Refusal::KeyAlgorithm),
        ("EdDSA", "rsa", Refusal::KeyAlgorithm),
        ("ES256", "ec", Refusal::Signature),
        ("EdDSA", "ed", Refusal::Signature),
    ] {
        let refused = realm.verify(&realm.rsa.token(&header(algorithm, id), &claims));
        assert_eq!(refused, Err(refusal), "{algorithm} {id}");
    }
    // A key of somebody else's, under a name of the realm's.
    let refused = realm.verify(&Signer::rs256().token(&header("RS256", "rsa"), &claims));
    assert_eq!(refused, Err(Refusal::Signature));
}

#[test]
fn a_kid_is_compared_and_nothing_else() {
    let realm = realm();
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
        let refused = realm.verify_with(&json!({ "kid": id }), &json!({}));
        assert_eq!(refused, Err(Refusal::UnknownKey), "{id}");
    }
    let refused = realm.verify_with(&json!({ "kid": ["ed"] }), &json!({}));
    assert_eq!(refused, Err(Refusal::Form));
    // Without one it is clear only where one key fits.
    assert!(realm.verify_with(&json!({ "kid": null }), &json!({})).is_ok());
    let two = set(&[realm.ed.jwk("ed"), Signer::ed_dsa().jwk("next")]);
    let token = realm.ed.token(
        &changed(good_header(), &json!({ "kid": null })),
        &good_claims().to_string(),
    );
    assert_eq!(realm.verifier.verify(&two, &token), Err(Refusal::NoKeyId));
}

#[test]
fn a_token_brings_no_key_and_no_extension() {
    let realm = realm();
    let other = Signer::ed_dsa();
    let elsewhere = "https://attacker.example/jwks";
    for (member, value) in [
        ("jku", json!(elsewhere)),
        ("x5u", json!(elsewhere)),
        ("jwk", other.jwk("ed")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = changed(good_header(), &json!({ member: value }));
        for signer in [&realm.ed, &other] {
            let refused = realm.verify(&signer.token(&header, &good_claims().to_string()));
            assert_eq!(refused, Err(Refusal::OwnKey), "{member}");
        }
    }
    for critical in [json!(["b64"]), json!([]), json!("exp"), json!(["exp"])] {
        let refused = realm.verify_with(&json!({ "crit": critical, "b64": false }), &json!({}));
        assert_eq!(refused, Err(Refusal::Critical), "{critical}");
    }
}

#[test]
fn times_are_held_against_the_clock_with_some_leeway() {
    let realm = realm();
    let early = |claim| Err(Refusal::Early(claim));
    let unreadable = |claim| Err(Refusal::Claim(claim));
    let cases = [
        (json!({ "exp": NOW - LEEWAY + 1 }), Ok(())),
        (json!({ "exp": NOW - LEEWAY }), Err(Refusal::Expired)),
        (json!({ "exp": 0 }), Err(Refusal::Expired)),
        (json!({ "exp": NOW as f64 + 0.5 }), Ok(())),
        (json!({ "exp": null }), Err(Refusal::Missing("exp"))),
        (json!({ "exp": (NOW + 300).to_string() }), unreadable("exp")),
        (json!({ "exp": u64::MAX }), unreadable("exp")),
        (json!({ "exp": i64::MAX }), unreadable("exp")),
        (json!({ "exp": 1e300 }), unreadable("exp")),
        (json!({ "exp": -1 }), unreadable("exp")),
        // The library's word for it.
        (json!({ "exp": [NOW + 300] }), Err(Refusal::Claims)),
        (json!({ "exp": true }), unreadable("exp")),
        (json!({ "nbf": NOW + LEEWAY }), Ok(())),
        (json!({ "nbf": NOW + LEEWAY + 1 }), early("nbf")),
        (json!({ "nbf": "now" }), unreadable("nbf")),
        (json!({ "iat": NOW + LEEWAY }), Ok(())),
        (json!({ "iat": NOW + LEEWAY + 1 }), early("iat")),
        (json!({ "iat": null }), Ok(())),
    ];
    for (claims, expected) in cases {
        assert_eq!(realm.verify_with(&json!({}), &claims).map(|_| ()), expected, "{claims}");
    }
    let claims = good_claims().to_string();
    for huge in ["1e999", "999999999999999999999999999999", "-0.5e400"] {
        let claims = claims.replace(&(NOW + 300).to_string(), huge);
        let refused = realm.verify(&realm.ed.token(&good_header().to_string(), &claims));
        assert!(
            matches!(refused, Err(Refusal::Claim("exp") | Refusal::Claims)),
            "{huge}: {refused:?}"
        );
    }
}

#[test]
fn what_is_remembered_ends_with_the_token_and_with_the_keys() {
    let realm = realm();
    let token = realm.ed.token(&good_header().to_string(), &good_claims().to_string());
    assert!(realm.verify(&token).is_ok());
    realm.now.store(NOW + 300 + LEEWAY - 1, Ordering::Relaxed);
    assert!(realm.verify(&token).is_ok());
    let withdrawn = set(&[realm.rsa.jwk("rsa")]);
    assert_eq!(realm.verifier.verify(&withdrawn, &token), Err(Refusal::UnknownKey));
    let replaced = set(&[Signer::ed_dsa().jwk("ed")]);
    assert_eq!(realm.verifier.verify(&replaced, &token), Err(Refusal::Signature));
    realm.now.store(NOW + 300 + LEEWAY, Ordering::Relaxed);
    assert_eq!(realm.verify(&token), Err(Refusal::Expired));
}

#[test]
fn issuer_and_audience_are_compared_to_the_letter() {
    let realm = realm();
    let cases = [
        (json!({ "iss": format!("{ISSUER}/") }), Err(Refusal::Issuer)),
        (json!({ "iss": ISSUER.to_uppercase() }), Err(Refusal::Issuer)),
        (json!({ "iss": "https://attacker.example" }), Err(Refusal::Issuer)),
        (json!({ "iss": [ISSUER] }), Err(Refusal::Claim("iss"))),
        (json!({ "iss": null }), Err(Refusal::Missing("iss"))),
        (json!({ "aud": "tenant-registry" }), Ok(())),
        (json!({ "aud": "account" }), Err(Refusal::Audience)),
        (
            json!({ "aud": ["account", "tenant-registry-2"] }),
            Err(Refusal::Audience),
        ),
        (json!({ "aud": [] }), Err(Refusal::Audience)),
        (json!({ "aud": null }), Err(Refusal::Missing("aud"))),
        (json!({ "aud": 1 }), Err(Refusal::Missing("aud"))),
    ];
    for (claims, expected) in cases {
        assert_eq!(realm.verify_with(&json!({}), &claims).map(|_| ()), expected, "{claims}");
    }
}

#[test]
fn other_tokens_of_the_realm_are_no_access_tokens() {
    let realm = realm();
    for claims in [
        json!({ "typ": "ID" }),
        json!({ "typ": "Refresh" }),
        json!({ "typ": "Offline" }),
        json!({ "typ": "Logout" }),
        json!({ "typ": "DPoP" }),
        json!({ "typ": 1 }),
        json!({ "typ": null, "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng" }),
    ] {
        let refused = realm.verify_with(&json!({}), &claims);
        assert_eq!(refused, Err(Refusal::OtherToken), "{claims}");
    }
    for (typ, expected) in [
        ("at+jwt", Ok(())),
        ("application/at+jwt", Ok(())),
        ("jwt", Ok(())),
        ("logout+jwt", Err(Refusal::OtherToken)),
        ("JWE", Err(Refusal::OtherToken)),
    ] {
        let claims = json!({ "typ": null });
        let verified = realm.verify_with(&json!({ "typ": typ }), &claims).map(|_| ());
        assert_eq!(verified, expected, "{typ}");
    }
}

#[test]
fn claims_are_what_they_should_be() {
    let realm = realm();
    let unreadable = |claim| Err(Refusal::Claim(claim));
    let cases = [
        (json!({ "sub": null }), Err(Refusal::Missing("sub"))),
        (json!({ "sub": "" }), unreadable("sub")),
        (json!({ "sub": 1 }), unreadable("sub")),
        (json!({ "sub": "a\u{0}b" }), unreadable("sub")),
        (json!({ "sub": "a".repeat(255) }), Ok(())),
        (json!({ "sub": "a".repeat(256) }), unreadable("sub")),
        (json!({ "preferred_username": "a\u{0}b" }), Ok(())),
        (json!({ "preferred_username": 1 }), unreadable("preferred_username")),
        (json!({ "scope": ["openid"] }), unreadable("scope")),
        (
            json!({ "realm_access": { "roles": "support" } }),
            unreadable("realm_access"),
        ),
        (json!({ "realm_access": [] }), unreadable("realm_access")),
        (json!({ "realm_access": {} }), Ok(())),
        (json!({ "resource_access": "all" }), unreadable("resource_access")),
        (
            json!({ "resource_access": { "tenant-registry": { "roles": [1] } } }),
            unreadable("resource_access"),
        ),
        (
            json!({ "resource_access": null, "realm_access": null, "scope": null }),
            Ok(()),
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(realm.verify_with(&json!({}), &claims).map(|_| ()), expected, "{claims}");
    }
}

#[test]
fn what_is_there_twice_is_not_read() {
    let realm = realm();
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
        let more = format!(r#""{name}": {value}"#);
        let before = good.replacen('{', &format!("{{{more}, "), 1);
        let after = format!("{}, {more}}}", good.strip_suffix('}').unwrap());
        for claims in [before, after] {
            let refused = realm.verify(&realm.ed.token(&header, &claims));
            assert_eq!(refused, Err(Refusal::Claims), "{claims}");
        }
    }
    for header in [
        r#"{"alg": "none", "alg": "EdDSA", "kid": "ed"}"#,
        r#"{"alg": "EdDSA", "kid": "ed", "kid": "other"}"#,
    ] {
        let refused = realm.verify(&realm.ed.token(header, &good_claims().to_string()));
        assert_eq!(refused, Err(Refusal::Form), "{header}");
    }
}

#[test]
fn what_is_no_token_is_refused_without_a_panic() {
    let realm = realm();
    let good = realm.ed.token(&good_header().to_string(), &good_claims().to_string());
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
        assert_eq!(realm.verify(broken), Err(Refusal::Form), "{broken}");
    }
    for end in 0..good.len() {
        assert!(realm.verify(&good[..end]).is_err(), "cut off at {end}");
    }
    for claims in ["", "[]", "null", "1", r#""text""#, "{", "{\"exp\": }"] {
        let refused = realm.verify(&realm.ed.token(&good_header().to_string(), claims));
        assert!(
            matches!(refused, Err(Refusal::Claims | Refusal::Form)),
            "{claims}: {refused:?}"
        );
    }
    // One bit of each part.
    for index in [message.find('.').unwrap() + 10, good.len() - 10] {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let refused = realm.verify(str::from_utf8(&bytes).unwrap());
        assert_eq!(refused, Err(Refusal::Signature));
    }
    assert!(realm.verify(&good).is_ok());
}

#[test]
fn what_is_long_is_not_looked_at() {
    let realm = realm();
    let padded = |bytes: usize| realm.verify_with(&json!({}), &json!({ "padding": "a".repeat(bytes) }));
    assert!(padded(8 * 1024).is_ok());
    assert_eq!(padded(16 * 1024), Err(Refusal::TooLong));
    assert_eq!(padded(1024 * 1024), Err(Refusal::TooLong));
    let refused = realm.verify_with(&json!({ "kid": "a".repeat(1024 * 1024) }), &json!({}));
    assert_eq!(refused, Err(Refusal::TooLong));
    let nested = format!(r#"{{"exp": {}}}"#, "[".repeat(12_000));
    let refused = realm.verify(&realm.ed.token(&good_header().to_string(), &nested));
    assert!(
        matches!(refused, Err(Refusal::Claims | Refusal::TooLong)),
        "{refused:?}"
    );
}

#[test]
fn no_refusal_quotes_the_token() {
    let realm = realm();
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
        let refusal = realm.verify_with(&header, &claims).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains(secret), "{refusal}");
    }
}
