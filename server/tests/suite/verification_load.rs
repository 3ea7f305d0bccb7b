//! Verifying under abuse: who floods one key takes nothing from the others, and learns nothing from the time it takes.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tenant_registry_client::types::{ApiKeyVerify, ApiKeyVerifyReason};
use tenant_registry_server::api_key_hash::{HashLimits, PrefixBudget};

cases![
    a_flood_of_wrong_secrets_for_one_key_leaves_room_for_another,
    the_secrets_of_one_prefix_are_tried_so_often_and_no_oftener,
    a_key_that_is_remembered_needs_no_room,
    a_wrong_secret_takes_as_long_as_a_right_one,
];

/// A key with the prefix of another and a secret that nobody was given.
fn wrong_secret(key: &str, number: usize) -> String {
    format!("{}{number:0>14}", &key[..11])
}

/// One hash at a time, and room for some more.
async fn busy_service(store: StoreUnderTest, waiting: usize) -> TestServer {
    let hash_limits = HashLimits {
        max_running: 1,
        max_waiting: waiting,
        cached_keys: 100,
        // What is used up comes back each second.
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

fn reasons(answers: &[ApiKeyVerify], reason: ApiKeyVerifyReason) -> usize {
    answers.iter().filter(|answer| answer.reason == Some(reason)).count()
}

async fn a_flood_of_wrong_secrets_for_one_key_leaves_room_for_another(store: StoreUnderTest) {
    let service = busy_service(store, 8).await;
    let tenant = service.customer("owner").await;
    let flooded = service.api_key(tenant.id).await.plaintext;
    let other = service.api_key(tenant.id).await.plaintext;
    let wrong: Vec<_> = (0..40)
        .map(|number| wrong_secret(flooded.expose_secret(), number))
        .collect();
    let flood = join_all(wrong.iter().map(|key| service.verify(key)));
    // It comes last, behind all of the flood, and its first verify needs a hash.
    let (flood, verified) = tokio::join!(flood, service.verify(other.expose_secret()));
    assert!(verified.valid, "{verified:?}");
    let unknown = reasons(&flood, ApiKeyVerifyReason::Unknown);
    let unavailable = reasons(&flood, ApiKeyVerifyReason::Unavailable);
    assert_eq!(unknown + unavailable, flood.len());
    assert!(
        unknown >= 2 && unavailable > 0,
        "{unknown} hashed, {unavailable} turned away"
    );
    verifies_in_the_end(&service, flooded.expose_secret()).await;
}

/// What wrong secrets used up comes back.
async fn verifies_in_the_end(service: &TestServer, key: &str) {
    let is_valid = async || service.verify(key).await.valid.then_some(());
    until("the key verifies", is_valid).await;
}

async fn the_secrets_of_one_prefix_are_tried_so_often_and_no_oftener(store: StoreUnderTest) {
    // There is room for all of them in the queue.
    let service = busy_service(store, 400).await;
    let tenant = service.customer("owner").await;
    let warm = service.api_key(tenant.id).await.plaintext;
    let tried = service.api_key(tenant.id).await.plaintext;
    assert!(service.verify(warm.expose_secret()).await.valid);
    let wrong = |key: &str| (0..60).map(|number| wrong_secret(key, number)).collect::<Vec<_>>();
    for key in [&warm, &tried] {
        let secrets = wrong(key.expose_secret());
        let answers = join_all(secrets.iter().map(|secret| service.verify(secret))).await;
        let unknown = reasons(&answers, ApiKeyVerifyReason::Unknown);
        let unavailable = reasons(&answers, ApiKeyVerifyReason::Unavailable);
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
        "another prefix has a budget of its own"
    );
    verifies_in_the_end(&service, tried.expose_secret()).await;
}

async fn a_key_that_is_remembered_needs_no_room(store: StoreUnderTest) {
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
    assert!(warm.iter().all(|answer| answer.valid), "{warm:?}");
}

/// Pairs of verifies of one key that was never verified before, one with the right secret and one with a wrong one, each
/// first in half of the pairs. If the time told which is which, one side would win nearly all of them; by chance alone
/// that happens once in a hundred million runs.
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
