//! Verifying under abuse: a flood for one key does not affect others, and timing reveals nothing.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use serde_json::json;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tenant_registry_client::types::{ApiKeyVerify, ApiKeyVerifyReason};
use tenant_registry_server::api_key_hash::{HashLimits, PrefixBudget};

cases![
    a_flood_for_one_key_does_not_block_another,
    the_budget_of_a_prefix_limits_hashes,
    a_cached_key_needs_no_hash,
    new_keys_leave_room_for_verifications,
    a_wrong_secret_takes_as_long_as_a_right_one,
];

/// A key with the prefix of another and a wrong secret.
fn wrong_secret(key: &str, number: usize) -> String {
    format!("{}{number:0>14}", &key[..11])
}

/// A server with one hash at a time and a short queue.
async fn busy_service(store: StoreUnderTest, waiting: usize) -> TestServer {
    let hash_limits = HashLimits {
        max_running: 1,
        max_waiting: waiting,
        cached_keys: 100,
        // The budget is refilled each second.
        prefix_budget: PrefixBudget {
            per_minute: NonZeroU32::new(60).unwrap(),
            ..PrefixBudget::default()
        },
    };
    let settings = Settings {
        hash_limits,
        ..Settings::default()
    };
    TestServer::start_with(store, settings).await
}

fn reasons(responses: &[ApiKeyVerify], reason: ApiKeyVerifyReason) -> usize {
    responses
        .iter()
        .filter(|response| response.reason == Some(reason.into()))
        .count()
}

async fn a_flood_for_one_key_does_not_block_another(store: StoreUnderTest) {
    let service = busy_service(store, 8).await;
    let tenant = service.customer("owner").await;
    let flooded = service.api_key(tenant.id).await.plaintext;
    let other = service.api_key(tenant.id).await.plaintext;
    let wrong: Vec<_> = (0..40)
        .map(|number| wrong_secret(flooded.expose_secret(), number))
        .collect();
    let flood = join_all(wrong.iter().map(|key| service.verify(key)));
    // It is sent last, and its first verification needs a hash.
    let (flood, verified) = tokio::join!(flood, service.verify(other.expose_secret()));
    assert!(verified.valid, "{verified:?}");
    let unknown = reasons(&flood, ApiKeyVerifyReason::Unknown);
    let unavailable = reasons(&flood, ApiKeyVerifyReason::Unavailable);
    assert_eq!(unknown + unavailable, flood.len());
    assert!(
        unknown >= 2 && unavailable > 0,
        "{unknown} hashed, {unavailable} turned away"
    );
    verifies_eventually(&service, flooded.expose_secret()).await;
}

/// Waits until the budget is refilled.
async fn verifies_eventually(service: &TestServer, key: &str) {
    let is_valid = async || service.verify(key).await.valid.then_some(());
    until("the key verifies", is_valid).await;
}

async fn the_budget_of_a_prefix_limits_hashes(store: StoreUnderTest) {
    // The queue has room for all of them.
    let service = busy_service(store, 400).await;
    let tenant = service.customer("owner").await;
    let warm = service.api_key(tenant.id).await.plaintext;
    let tried = service.api_key(tenant.id).await.plaintext;
    assert!(service.verify(warm.expose_secret()).await.valid);
    let wrong = |key: &str| (0..60).map(|number| wrong_secret(key, number)).collect::<Vec<_>>();
    for key in [&warm, &tried] {
        let secrets = wrong(key.expose_secret());
        let responses = join_all(secrets.iter().map(|secret| service.verify(secret))).await;
        let unknown = reasons(&responses, ApiKeyVerifyReason::Unknown);
        let unavailable = reasons(&responses, ApiKeyVerifyReason::Unavailable);
        assert_eq!(unknown + unavailable, secrets.len());
        assert!(
            unknown >= 9 && unavailable > 0,
            "{unknown} hashed, {unavailable} turned away"
        );
    }
    assert!(
        service.verify(warm.expose_secret()).await.valid,
        "what is remembered needs no hash"
    );
    let another = service.api_key(tenant.id).await.plaintext;
    assert!(
        service.verify(another.expose_secret()).await.valid,
        "another prefix has its own budget"
    );
    verifies_eventually(&service, tried.expose_secret()).await;
}

async fn a_cached_key_needs_no_hash(store: StoreUnderTest) {
    let service = busy_service(store, 1).await;
    let tenant = service.customer("owner").await;
    let remembered = service.api_key(tenant.id).await.plaintext;
    let flooded = service.api_key(tenant.id).await.plaintext;
    assert!(service.verify(remembered.expose_secret()).await.valid);
    let wrong: Vec<_> = (0..20)
        .map(|number| wrong_secret(flooded.expose_secret(), number))
        .collect();
    let flood = join_all(wrong.iter().map(|key| service.verify(key)));
    let warm = join_all((0..20).map(|_| service.verify(remembered.expose_secret())));
    let (flood, warm) = tokio::join!(flood, warm);
    assert!(
        reasons(&flood, ApiKeyVerifyReason::Unavailable) > 0,
        "there was room all the time"
    );
    assert!(warm.iter().all(|response| response.valid), "{warm:?}");
}

async fn new_keys_leave_room_for_verifications(store: StoreUnderTest) {
    let service = busy_service(store, 8).await;
    let tenant = service.customer("owner").await;
    let key = service.api_key(tenant.id).await.plaintext;
    let other = service.customer("builder").await;
    let body = json!({ "tenant_id": other.id, "name": "one of many" });
    let created = join_all((0..40).map(|_| service.raw.post_json("/v1/api-keys", &body)));
    // It is sent last, and its first verification needs a hash.
    let (created, verified) = tokio::join!(created, service.verify(key.expose_secret()));
    assert!(verified.valid, "{verified:?}");
    let with_status = |status| created.iter().filter(|response| response.status == status).count();
    let (created, unavailable) = (with_status(201), with_status(503));
    assert_eq!(created + unavailable, 40);
    assert!(
        created >= 2 && unavailable > 0,
        "{created} created, {unavailable} turned away"
    );
}

/// Verifies new keys in pairs, with the right secret and with a wrong one, each first in half of the pairs. If the
/// time depended on the secret, one side would be faster in nearly all pairs. By chance that happens once in a
/// hundred million runs.
async fn a_wrong_secret_takes_as_long_as_a_right_one(store: StoreUnderTest) {
    const PAIRS: usize = 40;
    const BY_CHANCE: std::ops::RangeInclusive<usize> = 3..=PAIRS - 3;
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let mut right_took_longer = 0;
    for pair in 0..PAIRS {
        let key = service.api_key(tenant.id).await.plaintext;
        let wrong = wrong_secret(key.expose_secret(), pair);
        let (right, other) = if pair % 2 == 0 {
            let right = time(&service, key.expose_secret(), true).await;
            (right, time(&service, &wrong, false).await)
        } else {
            let other = time(&service, &wrong, false).await;
            (time(&service, key.expose_secret(), true).await, other)
        };
        right_took_longer += usize::from(right > other);
    }
    assert!(
        BY_CHANCE.contains(&right_took_longer),
        "of {PAIRS} right secrets {right_took_longer} took longer than a wrong one"
    );
}

async fn time(service: &TestServer, key: &str, is_valid: bool) -> Duration {
    let begin = Instant::now();
    let verified = service.verify(key).await;
    let took = begin.elapsed();
    assert_eq!(verified.valid, is_valid);
    took
}
