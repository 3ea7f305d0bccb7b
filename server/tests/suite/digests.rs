//! Verifying API keys by their digests, without a hash.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use tenant_registry_client::types::{ApiKeyCreated, ApiKeyVerifyReason};
use tenant_registry_server::api_key_hash::{DigestKeys, HashLimits, PrefixBudget};

cases![
    a_new_replica_needs_no_hash,
    wrong_secrets_need_no_hash,
    a_successor_has_a_digest,
    a_revoked_key_is_invalid,
    a_key_from_before_gets_its_digest_when_it_is_used,
    an_outdated_digest_is_replaced_when_the_key_is_used,
    a_replica_without_the_key_uses_the_hash,
];

const OLD: &str = "2026-01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "2026-07 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn with_keys(keys: &[&str]) -> Settings {
    Settings {
        digest_keys: DigestKeys::read(&keys.join("\n")).unwrap(),
        ..Settings::default()
    }
}

/// A replica that cannot hash: a key that needs a hash is unavailable.
async fn replica_without_hashes(service: &TestServer, keys: &[&str]) -> TestServer {
    let settings = Settings {
        hash_limits: HashLimits {
            max_running: 0,
            max_waiting: 0,
            cached_keys: 1,
            prefix_budget: PrefixBudget::default(),
        },
        ..with_keys(keys)
    };
    service.replica(settings).await
}

/// The reason why the key is not valid.
async fn reason(service: &TestServer, plaintext: &str) -> Option<ApiKeyVerifyReason> {
    let verified = service.verify(plaintext).await;
    assert_eq!(verified.valid, verified.reason.is_none());
    verified.reason.and_then(|reason| reason.known())
}

async fn key(service: &TestServer) -> ApiKeyCreated {
    let tenant = service.customer("owner").await;
    service.api_key(tenant.id).await
}

async fn a_new_replica_needs_no_hash(store: StoreUnderTest) {
    let service = TestServer::start_with(store, with_keys(&[OLD])).await;
    let key = key(&service).await;
    let replica = replica_without_hashes(&service, &[OLD]).await;
    assert_eq!(reason(&replica, key.plaintext.expose_secret()).await, None);
}

async fn wrong_secrets_need_no_hash(store: StoreUnderTest) {
    let service = TestServer::start_with(store, with_keys(&[OLD])).await;
    let plaintext = key(&service).await.plaintext;
    let plaintext = plaintext.expose_secret();
    let replica = replica_without_hashes(&service, &[OLD]).await;
    let wrong: Vec<_> = (0..100)
        .map(|number| format!("{}{number:0>14}", &plaintext[..11]))
        .collect();
    for reason in join_all(wrong.iter().map(|key| reason(&replica, key))).await {
        assert_eq!(reason, Some(ApiKeyVerifyReason::Unknown));
    }
    assert_eq!(
        reason(&replica, plaintext).await,
        None,
        "they leave room for the right one"
    );
}

async fn a_successor_has_a_digest(store: StoreUnderTest) {
    let service = TestServer::start_with(store, with_keys(&[OLD])).await;
    let rotate = service.client.api_key_rotate().id(key(&service).await.api_key.id);
    let successor = rotate.send().await.unwrap().into_inner();
    let replica = replica_without_hashes(&service, &[OLD]).await;
    assert_eq!(reason(&replica, successor.plaintext.expose_secret()).await, None);
}

async fn a_revoked_key_is_invalid(store: StoreUnderTest) {
    let service = TestServer::start_with(store, with_keys(&[OLD])).await;
    let key = key(&service).await;
    let plaintext = key.plaintext.expose_secret();
    assert_eq!(reason(&service, plaintext).await, None);
    let revoke = service.client.api_key_revoke().id(key.api_key.id);
    revoke.send().await.unwrap();
    assert_eq!(reason(&service, plaintext).await, Some(ApiKeyVerifyReason::Revoked));
}

/// Waits until a replica with these keys needs no hash.
async fn until_stored(service: &TestServer, keys: &[&str], plaintext: &str) {
    let replica = replica_without_hashes(service, keys).await;
    let is_valid = async || reason(&replica, plaintext).await.is_none().then_some(());
    until("the digest is stored", is_valid).await;
}

async fn a_key_from_before_gets_its_digest_when_it_is_used(store: StoreUnderTest) {
    let before = TestServer::start(store).await;
    let key = key(&before).await;
    let plaintext = key.plaintext.expose_secret();
    let replica = replica_without_hashes(&before, &[OLD]).await;
    assert_eq!(reason(&replica, plaintext).await, Some(ApiKeyVerifyReason::Unavailable));
    let service = before.replica(with_keys(&[OLD])).await;
    assert_eq!(reason(&service, plaintext).await, None);
    until_stored(&service, &[OLD], plaintext).await;
}

async fn an_outdated_digest_is_replaced_when_the_key_is_used(store: StoreUnderTest) {
    let before = TestServer::start_with(store, with_keys(&[OLD])).await;
    let key = key(&before).await;
    let plaintext = key.plaintext.expose_secret();
    let service = before.replica(with_keys(&[NEW, OLD])).await;
    assert_eq!(reason(&service, plaintext).await, None);
    until_stored(&service, &[NEW], plaintext).await;
}

async fn a_replica_without_the_key_uses_the_hash(store: StoreUnderTest) {
    let service = TestServer::start_with(store, with_keys(&[OLD])).await;
    let key = key(&service).await;
    for keys in [None, Some(NEW)] {
        let settings = keys.map_or_else(Settings::default, |keys| with_keys(&[keys]));
        let replica = service.replica(settings).await;
        assert_eq!(reason(&replica, key.plaintext.expose_secret()).await, None);
    }
}
