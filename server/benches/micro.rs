//! Microbenchmarks of single steps: verifying a key or a token with and without the cache, parsing a body, and validating
//! values.
//!
//! Run with `cargo bench -p tenant-registry-server --bench micro`. Compare the times only within one run.

use chrono::Utc;
use criterion::Criterion;
use serde_json::json;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext, AuditAppend, TenantName, TenantSlug, Text};
use tenant_registry_server::api_key_hash::{
    ApiKeyHasher, DigestKeys, HashLimits, HashOwner, PrefixBudget, StoredDigest, StoredHash, generate_plaintext,
};
use tenant_registry_server::auth::{KeySet, TokenRules, TokenType, Verifier};
use tenant_registry_server::domain::clock::Clock;
use test_support::issuer::Signer;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const EVENT: &str = r#"{
    "tenant_id": "0190b8a5-7b1c-7c3e-9d52-0242ac120002", "actor_id": "user-17", "actor_name": "Ada Lovelace",
    "actor_type": "user", "action": "report.exported", "target_id": "4711", "target_type": "report",
    "target_name": "Quarter", "product": "insights", "metadata": { "format": "pdf", "pages": 12 }
}"#;

/// An API key: its stored hash and digest, and its plaintext.
struct Key {
    hasher: ApiKeyHasher,
    id: ApiKeyId,
    stored: StoredHash,
    digest: Option<StoredDigest>,
    plaintext: ApiKeyPlaintext,
}

const DIGEST_KEY: &str = "bench AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn owner() -> HashOwner {
    HashOwner {
        tenant_id: Uuid::now_v7().into(),
        caller: None,
    }
}

fn key(runtime: &Runtime) -> Result<Key, Box<dyn Error>> {
    let limits = HashLimits {
        max_running: 1,
        max_waiting: 16,
        cached_keys: 1_000,
        // The benchmark hashes the same key over and over.
        prefix_budget: PrefixBudget {
            per_minute: NonZeroU32::MAX,
            burst: NonZeroU32::MAX,
        },
    };
    let hasher = ApiKeyHasher::new(limits, DigestKeys::read(DIGEST_KEY)?)?;
    let plaintext = generate_plaintext()?;
    let stored = runtime.block_on(hasher.hash(owner(), plaintext.clone()))?;
    let id = Uuid::now_v7().into();
    let digest = hasher.digest(id, &plaintext);
    Ok(Key {
        hasher,
        id,
        stored,
        digest,
        plaintext,
    })
}

#[expect(clippy::unwrap_used, reason = "a benchmark stops at the first error")]
fn hashing(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let Key {
        hasher,
        id,
        stored,
        digest,
        plaintext,
    } = key(&runtime).unwrap();
    let mut group = criterion.benchmark_group("hashing");
    group.sample_size(20);
    // `matches` always computes a hash; only `matches_without_hash` reads the cache.
    group.bench_function("a key, hashed", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(hasher.matches(owner(), id, &stored, &plaintext))
                .unwrap()
        });
    });
    group.bench_function("a key, cached", |bencher| {
        bencher.iter(|| hasher.matches_without_hash(id, black_box(&stored), None, black_box(&plaintext)));
    });
    group.bench_function("a key, by its digest", |bencher| {
        bencher.iter(|| hasher.matches_without_hash(id, &stored, black_box(digest.as_ref()), black_box(&plaintext)));
    });
    group.finish();
}

/// A token of about 800 bytes, similar to Keycloak's.
fn token(signer: &Signer) -> String {
    let header = json!({ "alg": signer.algorithm(), "typ": "JWT", "kid": "key" });
    let now = Utc::now().timestamp();
    let claims = json!({
        "exp": now + 3600, "iat": now, "jti": "trrtcc:0190b8a5-7b1c-7c3e-9d52-0242ac120002",
        "iss": "https://sso.example.com/realms/platform", "aud": ["tenant-registry", "account"],
        "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "typ": "Bearer", "azp": "console", "acr": "1",
        "preferred_username": "ada", "realm_access": { "roles": ["offline_access", "default-roles-platform"] },
        "resource_access": { "tenant-registry": { "roles": ["tenants:read", "audit:read"] } }, "scope": "email profile",
    });
    signer.token(&header.to_string(), &claims.to_string())
}

#[expect(clippy::unwrap_used, reason = "a benchmark stops at the first error")]
fn tokens(criterion: &mut Criterion) {
    let rules = TokenRules {
        issuer: "https://sso.example.com/realms/platform".parse().unwrap(),
        audience: "tenant-registry".parse().unwrap(),
        leeway: Duration::from_secs(30),
        tenant_claim: "tenant_id".parse().unwrap(),
        all_tenants_role: None,
        token_type: TokenType::Any,
        roles: std::iter::empty().collect(),
    };
    let verifier = Verifier::new(rules, Clock::system()).unwrap();
    let mut group = criterion.benchmark_group("tokens");
    for signer in [Signer::rs256(), Signer::es256(), Signer::ed_dsa()] {
        let keys = json!({ "keys": [signer.jwk("key")] });
        let keys = KeySet::read(keys.to_string().as_bytes()).unwrap();
        let (algorithm, token) = (signer.algorithm(), token(&signer));
        group.bench_function(format!("{algorithm}, verified"), |bencher| {
            bencher.iter(|| verifier.check(&keys, black_box(&token)).unwrap());
        });
        group.bench_function(format!("{algorithm}, cached"), |bencher| {
            bencher.iter(|| verifier.verify(&keys, black_box(&token)).unwrap());
        });
    }
    group.finish();
}

#[expect(clippy::unwrap_used, reason = "a benchmark stops at the first error")]
fn decoding(criterion: &mut Criterion) {
    criterion.bench_function("decoding/the body of audit_append", |bencher| {
        bencher.iter(|| serde_json::from_str::<AuditAppend>(black_box(EVENT)).unwrap());
    });
    criterion.bench_function("decoding/the same body as untyped JSON", |bencher| {
        bencher.iter(|| serde_json::from_str::<serde_json::Value>(black_box(EVENT)).unwrap());
    });
}

#[expect(clippy::unwrap_used, reason = "a benchmark stops at the first error")]
fn validation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validation");
    group.bench_function("the pattern of a slug", |bencher| {
        bencher.iter(|| TenantSlug::try_from(black_box("blue-sky")).unwrap());
    });
    group.bench_function("the pattern of a key", |bencher| {
        bencher.iter(|| ApiKeyPlaintext::try_from(black_box("bp_Zm9vYmFyYmF6cXV4MTIzNA")).unwrap());
    });
    group.bench_function("the length of a name", |bencher| {
        bencher.iter(|| TenantName::try_from(black_box("Blue Sky Ltd")).unwrap());
    });
    group.bench_function("a text of 1 KiB", |bencher| {
        let text = "a".repeat(1024);
        bencher.iter(|| Text::try_from(black_box(text.as_str())).unwrap());
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    hashing(&mut criterion);
    tokens(&mut criterion);
    decoding(&mut criterion);
    validation(&mut criterion);
    criterion.final_summary();
}
