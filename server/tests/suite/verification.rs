//! Verifying API keys.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::steps::server_id;
use crate::harness::{Fault, RawResponse, Settings, StoreUnderTest, TestServer};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tenant_registry_client::types::{
    ApiKeyCreate, ApiKeyId, ApiKeyVerifyReason, ErrorCode, Tenant, TenantActivate, TenantCancel, TenantId,
};
use tenant_registry_contract::types::{ApiKeyName, ApiKeyPlaintext};
use tenant_registry_server::api_key_hash::{
    self, ApiKeyHasher, DigestKeys, HashLimits, HashOwner, PrefixBudget, StoredHash,
};
use tenant_registry_server::records::ApiKeyRecord;
use uuid::Uuid;

cases![
    a_valid_key_returns_its_tenant_product_and_scopes,
    a_key_without_product_and_scopes_returns_none,
    an_unknown_key_is_not_valid,
    other_texts_are_malformed,
    the_key_is_for_the_product_or_for_none,
    the_tenant_is_entitled_to_the_product_now,
    the_key_has_all_scopes,
    the_first_reason_is_returned,
    every_body_gets_200,
    a_revoked_key_is_invalid_on_every_replica,
    a_key_expires_by_the_clock_on_every_replica,
    keys_of_a_frozen_or_archived_tenant_are_invalid,
    two_keys_can_share_a_prefix,
    a_hash_of_an_unknown_kind_never_matches,
    each_key_of_a_batch_is_verified_as_if_alone,
    a_batch_has_1_to_100_keys,
    a_batch_hashes_a_repeated_key_once,
    returns_unavailable_without_the_store,
    returns_unavailable_if_the_hash_queue_is_full,
    stores_the_time_of_the_last_use,
    a_rejected_key_has_no_last_use,
];

const UNKNOWN: &str = "bp_Zm9vYmFyYmF6cXV4MTIzNA";

impl TestServer {
    async fn reason(&self, key: &str) -> Option<ApiKeyVerifyReason> {
        let verified = self.verify(key).await;
        assert_eq!(verified.valid, verified.reason.is_none());
        let described = (
            verified.api_key_id,
            verified.tenant_id,
            verified.project_id,
            verified.product,
            verified.scopes,
            verified.expires_at,
        );
        assert!(verified.valid || described == (None, None, None, None, None, None));
        verified.reason.and_then(|reason| reason.known())
    }

    /// Inserts a key with this plaintext and any hash.
    async fn insert_api_key(&self, tenant: &Tenant, plaintext: &str, hash: StoredHash) {
        let plaintext = ApiKeyPlaintext::try_from(plaintext).unwrap();
        let api_key = ApiKeyRecord {
            id: Uuid::now_v7().into(),
            tenant_id: server_id(tenant.id),
            project_id: None,
            product: None,
            name: ApiKeyName::try_from("inserted").unwrap(),
            scopes: Vec::new(),
            prefix: api_key_hash::prefix(&plaintext).unwrap(),
            hash,
            digest: None,
            created_by: None,
            expires_at: None,
            rotated_to: None,
            rotated_from: None,
            last_used_at: None,
            revoked_at: None,
            created_at: self.clock.now().try_into().unwrap(),
        };
        self.operator.insert_api_key(api_key).await;
    }

    async fn last_used_at(&self, tenant_id: TenantId, id: ApiKeyId) -> Option<DateTime<Utc>> {
        let list = self.client.api_key_list().tenant_id(tenant_id).send().await.unwrap();
        let api_key = list.items.iter().find(|api_key| api_key.id == id);
        api_key.unwrap().last_used_at.map(DateTime::from)
    }
}

async fn hash(plaintext: &str) -> StoredHash {
    let limits = HashLimits {
        max_running: 1,
        max_waiting: 0,
        cached_keys: 0,
        prefix_budget: PrefixBudget::default(),
    };
    let hasher = ApiKeyHasher::new(limits, DigestKeys::default()).unwrap();
    let plaintext = ApiKeyPlaintext::try_from(plaintext).unwrap();
    let owner = HashOwner {
        tenant_id: Uuid::now_v7().into(),
        caller: None,
    };
    hasher.hash(owner, plaintext).await.unwrap()
}

async fn a_valid_key_returns_its_tenant_product_and_scopes(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let body = ApiKeyCreate {
        product: Some("reports".try_into().unwrap()),
        scopes: vec!["reports:read".try_into().unwrap()],
        ..ApiKeyCreate::new(tenant.id, "scoped".try_into().unwrap())
    };
    let created = service.client.api_key_create().body(body.clone()).send().await.unwrap();
    let verified = service.verify(created.plaintext.expose_secret()).await;
    assert_eq!(
        (verified.valid, verified.reason, verified.tenant_id),
        (true, None, Some(tenant.id))
    );
    assert_eq!(
        json!([verified.product, verified.scopes]),
        json!([body.product, body.scopes])
    );
}

async fn a_key_without_product_and_scopes_returns_none(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let body = json!({ "key": created.plaintext.expose_secret() });
    let response = service.raw.post_json("/v1/internal/api-keys/verify", &body).await;
    assert_eq!(
        response.json::<Value>(),
        json!({ "valid": true, "api_key_id": created.api_key.id, "tenant_id": tenant.id, "scopes": [] })
    );
}

async fn an_unknown_key_is_not_valid(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let key = service.api_key(tenant.id).await.plaintext;
    assert_eq!(service.reason(UNKNOWN).await, Some(ApiKeyVerifyReason::Unknown));
    // The prefix is known, the secret is wrong.
    let forged = format!("{}AAAAAAAAAAAAAA", &key.expose_secret()[..11]);
    assert_eq!(service.reason(&forged).await, Some(ApiKeyVerifyReason::Unknown));
}

async fn other_texts_are_malformed(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let too_long = format!("{UNKNOWN}A");
    let megabytes = "A".repeat(60_000);
    let spaced = format!(" {UNKNOWN}");
    let keys = [
        "",
        "bp_",
        &UNKNOWN[..24],
        &too_long,
        &spaced,
        "BP_Zm9vYmFyYmF6cXV4MTIzNA",
        "bp_Zm9vYmFyYmF6cXV4MTIz+/",
        "bp_ümlautümlautümlautüml",
        "bp_\u{0}m9vYmFyYmF6cXV4MTIzNA",
        &megabytes,
    ];
    for key in keys {
        assert_eq!(
            service.reason(key).await,
            Some(ApiKeyVerifyReason::Malformed),
            "{key:?}"
        );
    }
}

async fn every_body_gets_200(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let path = "/v1/internal/api-keys/verify";
    let too_large = format!(r#"{{"key": "{}"}}"#, "A".repeat(70 * 1024));
    let too_many_scopes = json!({ "key": UNKNOWN, "scopes": vec!["a"; 101] }).to_string();
    let bodies: [&[u8]; 15] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\"bp_\"",
        b"{\"key\": null}",
        b"{\"key\": 1}",
        b"{\"key\": [\"bp_\"]}",
        b"\xff\xfe",
        b"{\"key\": \"a\"} trailing",
        b"{\"key\": \"a\", \"product\": null}",
        b"{\"key\": \"a\", \"scopes\": [\"\\u0000\"]}",
        too_many_scopes.as_bytes(),
        too_large.as_bytes(),
    ];
    for body in bodies {
        let response = service.raw.post(path, body.to_vec()).await;
        assert_eq!(
            (response.status, response.json::<Value>()),
            (200, json!({ "valid": false, "reason": "malformed" }))
        );
    }
    let request = service
        .raw
        .request(Method::POST, path)
        .header(CONTENT_TYPE, "text/plain");
    let response = RawResponse::from_request(request.body(json!({ "key": UNKNOWN }).to_string())).await;
    assert_eq!(
        (response.status, response.json::<Value>()),
        (200, json!({ "valid": false, "reason": "malformed" }))
    );
}

async fn a_revoked_key_is_invalid_on_every_replica(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let key = created.plaintext.expose_secret();
    for replica in [&service, &replica] {
        assert_eq!(replica.reason(key).await, None);
    }
    service
        .client
        .api_key_revoke()
        .id(created.api_key.id)
        .send()
        .await
        .unwrap();
    for replica in [&service, &replica, &service] {
        assert_eq!(replica.reason(key).await, Some(ApiKeyVerifyReason::Revoked));
    }
}

/// Creates a key for a product with the scopes `a` and `b`, and returns its plaintext.
async fn product_key(service: &TestServer, tenant_id: TenantId, product: Option<&str>) -> String {
    let body = ApiKeyCreate {
        product: product.map(|product| product.try_into().unwrap()),
        scopes: ["a", "b"].map(|scope| scope.try_into().unwrap()).to_vec(),
        ..ApiKeyCreate::new(tenant_id, "for a product".try_into().unwrap())
    };
    let created = service.client.api_key_create().body(body).send().await.unwrap();
    created.plaintext.expose_secret().to_owned()
}

/// The reason why a key is not valid for a product and scopes. `None` if it is.
async fn reason_for(service: &TestServer, key: &str, product: Option<&str>, scopes: &[&str]) -> Option<String> {
    let mut body = json!({ "key": key, "scopes": scopes });
    if let Some(product) = product {
        body["product"] = product.into();
    }
    let response = service.raw.post_json("/v1/internal/api-keys/verify", &body).await;
    let verified: Value = response.json();
    assert_eq!(verified["valid"], verified["reason"].is_null(), "{verified}");
    verified["reason"].as_str().map(str::to_owned)
}

async fn start_trial(service: &TestServer, tenant_id: TenantId, product: &str) {
    let body = json!({ "tenant_id": tenant_id, "product": product });
    let response = service.raw.post_json("/v1/catalog/trial-request", &body).await;
    assert_eq!(response.status, 201, "{response:?}");
}

async fn the_key_is_for_the_product_or_for_none(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    start_trial(&service, tenant.id, "insights").await;
    start_trial(&service, tenant.id, "reports").await;
    let of_insights = product_key(&service, tenant.id, Some("insights")).await;
    let of_any = product_key(&service, tenant.id, None).await;
    for (key, product, expected) in [
        (&of_insights, None, None),
        (&of_insights, Some("insights"), None),
        (&of_insights, Some("reports"), Some("wrong_product")),
        (&of_insights, Some(""), Some("wrong_product")),
        (&of_any, Some("insights"), None),
        (&of_any, Some("reports"), None),
        (&of_any, Some("connect"), Some("not_entitled")),
        (&of_any, Some("no-such-product"), Some("not_entitled")),
    ] {
        assert_eq!(
            reason_for(&service, key, product, &[]).await.as_deref(),
            expected,
            "{product:?}"
        );
    }
}

async fn the_tenant_is_entitled_to_the_product_now(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    let key = product_key(&service, tenant.id, None).await;
    let now_on_each = async |expected: Option<&str>| {
        for replica in [&service, &replica] {
            let reason = reason_for(replica, &key, Some("insights"), &[]).await;
            assert_eq!(reason.as_deref(), expected);
        }
    };
    start_trial(&service, other.id, "insights").await;
    now_on_each(Some("not_entitled")).await;
    start_trial(&service, tenant.id, "insights").await;
    now_on_each(None).await;
    service.clock.advance(TimeDelta::days(14) - TimeDelta::microseconds(1));
    now_on_each(None).await;
    service.clock.advance(TimeDelta::microseconds(1));
    now_on_each(Some("not_entitled")).await;
    // Without the product, the key is valid.
    assert_eq!(reason_for(&replica, &key, None, &[]).await, None);
}

async fn the_key_has_all_scopes(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let key = product_key(&service, tenant.id, None).await;
    for (scopes, expected) in [
        (&[][..], None),
        (&["a"], None),
        (&["b", "a", "b"], None),
        (&["a", "c"], Some("missing_scope")),
        (&["A"], Some("missing_scope")),
        (&[""], Some("missing_scope")),
    ] {
        assert_eq!(
            reason_for(&service, &key, None, scopes).await.as_deref(),
            expected,
            "{scopes:?}"
        );
    }
}

/// Each reason is removed, and the next one appears.
async fn the_first_reason_is_returned(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let end = service.clock.now() + TimeDelta::minutes(1);
    let create = async |product: &str, expires_at: Option<DateTime<Utc>>| {
        let body = ApiKeyCreate {
            product: Some(product.try_into().unwrap()),
            expires_at: expires_at.map(|end| end.try_into().unwrap()),
            ..ApiKeyCreate::new(tenant.id, "n".try_into().unwrap())
        };
        let created = service.client.api_key_create().body(body).send().await.unwrap();
        (created.api_key.id, created.plaintext.expose_secret().to_owned())
    };
    let (revoked, of_revoked) = create("reports", Some(end)).await;
    let (_, expired) = create("reports", Some(end)).await;
    let (_, of_reports) = create("reports", None).await;
    let (_, of_insights) = create("insights", None).await;
    service.client.api_key_revoke().id(revoked).send().await.unwrap();
    service.clock.advance(TimeDelta::minutes(2));
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    let reason = async |key: &str| reason_for(&service, key, Some("insights"), &["c"]).await.unwrap();
    assert_eq!(reason(&format!("{}AAAAAAAAAAAAAA", &of_revoked[..11])).await, "unknown");
    assert_eq!(reason(&of_revoked).await, "revoked");
    assert_eq!(reason(&expired).await, "expired");
    assert_eq!(reason(&of_reports).await, "tenant_inactive");
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    assert_eq!(reason(&of_reports).await, "wrong_product");
    assert_eq!(reason(&of_insights).await, "not_entitled");
    start_trial(&service, tenant.id, "insights").await;
    assert_eq!(reason(&of_insights).await, "missing_scope");
}

async fn a_key_expires_by_the_clock_on_every_replica(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = service.customer("owner").await;
    let end = service.clock.now() + TimeDelta::minutes(10);
    let body = ApiKeyCreate {
        expires_at: Some(end.try_into().unwrap()),
        ..ApiKeyCreate::new(tenant.id, "temporary".try_into().unwrap())
    };
    let created = service.client.api_key_create().body(body).send().await.unwrap();
    let key = created.plaintext.expose_secret();
    service
        .clock
        .advance(TimeDelta::minutes(10) - TimeDelta::microseconds(1));
    for replica in [&service, &replica] {
        let verified = replica.verify(key).await;
        assert_eq!(
            (
                verified.valid,
                verified.api_key_id,
                verified.expires_at.map(DateTime::from)
            ),
            (true, Some(created.api_key.id), Some(end))
        );
    }
    service.clock.advance(TimeDelta::microseconds(1));
    for replica in [&service, &replica] {
        assert_eq!(replica.reason(key).await, Some(ApiKeyVerifyReason::Expired));
    }
    let revoke = service.client.api_key_revoke().id(created.api_key.id);
    revoke.send().await.unwrap();
    assert_eq!(service.reason(key).await, Some(ApiKeyVerifyReason::Revoked));
}

async fn keys_of_a_frozen_or_archived_tenant_are_invalid(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let key = created.plaintext.expose_secret();
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    assert_eq!(service.reason(key).await, Some(ApiKeyVerifyReason::TenantInactive));
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    assert_eq!(service.reason(key).await, None);
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    service.archive(tenant.id).await.unwrap();
    assert_eq!(service.reason(key).await, Some(ApiKeyVerifyReason::TenantInactive));
    service
        .client
        .api_key_revoke()
        .id(created.api_key.id)
        .send()
        .await
        .unwrap();
    assert_eq!(service.reason(key).await, Some(ApiKeyVerifyReason::Revoked));
}

async fn two_keys_can_share_a_prefix(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (one, other) = (service.customer("one").await, service.customer("other").await);
    let sibling = format!("{}AAAAAAAAAAAAAA", &UNKNOWN[..11]);
    for (tenant, plaintext) in [(&one, UNKNOWN), (&other, sibling.as_str())] {
        service.insert_api_key(tenant, plaintext, hash(plaintext).await).await;
    }
    for (tenant, plaintext) in [(one, UNKNOWN), (other, sibling.as_str())] {
        assert_eq!(service.verify(plaintext).await.tenant_id, Some(tenant.id));
    }
    let third = format!("{}BBBBBBBBBBBBBB", &UNKNOWN[..11]);
    assert_eq!(service.reason(&third).await, Some(ApiKeyVerifyReason::Unknown));
}

async fn a_hash_of_an_unknown_kind_never_matches(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let good = hash(UNKNOWN).await;
    let other_kind = good.to_stored().replacen("argon2id", "scrypt", 1);
    service
        .insert_api_key(&tenant, UNKNOWN, StoredHash::from_stored(other_kind))
        .await;
    assert_eq!(service.reason(UNKNOWN).await, Some(ApiKeyVerifyReason::Unavailable));
}

async fn returns_unavailable_without_the_store(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let key = service.api_key(tenant.id).await.plaintext;
    for fault in [Fault::Unavailable, Fault::Internal] {
        service.operator.set_fault(Some(fault));
        for candidate in [key.expose_secret(), UNKNOWN] {
            let reason = service.reason(candidate).await;
            assert_eq!(reason, Some(ApiKeyVerifyReason::Unavailable), "{fault:?}");
        }
        assert_eq!(
            service.reason("nonsense").await,
            Some(ApiKeyVerifyReason::Malformed),
            "no store is needed"
        );
    }
    service.operator.set_fault(None);
    assert_eq!(service.reason(key.expose_secret()).await, None);
}

async fn returns_unavailable_if_the_hash_queue_is_full(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let no_room = Settings {
        hash_limits: HashLimits {
            max_running: 0,
            max_waiting: 0,
            cached_keys: 0,
            prefix_budget: PrefixBudget::default(),
        },
        ..Settings::default()
    };
    let replica = service.replica(no_room).await;
    let tenant = service.customer("owner").await;
    let key = service.api_key(tenant.id).await.plaintext;
    assert_eq!(
        replica.reason(key.expose_secret()).await,
        Some(ApiKeyVerifyReason::Unavailable)
    );
    assert_eq!(service.reason(key.expose_secret()).await, None);
}

async fn verify_batch(service: &TestServer, keys: &[Value]) -> Vec<Value> {
    let body = json!({ "keys": keys });
    let response = service.raw.post_json("/v1/internal/api-keys/verify-batch", &body).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json::<Value>()["results"].as_array().unwrap().clone()
}

async fn each_key_of_a_batch_is_verified_as_if_alone(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    start_trial(&service, tenant.id, "insights").await;
    let revoked = service.api_key(tenant.id).await;
    let revoke = service.client.api_key_revoke().id(revoked.api_key.id);
    revoke.send().await.unwrap();
    let key = product_key(&service, tenant.id, Some("insights")).await;
    let questions = [
        json!({ "key": "nonsense" }),
        json!({ "key": key }),
        json!({ "key": UNKNOWN, "product": "insights" }),
        json!({ "key": key, "product": "reports" }),
        json!({ "key": revoked.plaintext.expose_secret() }),
        json!({ "key": key, "product": "insights", "scopes": ["a"] }),
        json!({ "key": key, "scopes": ["c"] }),
        json!({ "key": format!("{}AAAAAAAAAAAAAA", &key[..11]) }),
    ];
    let expected = [
        "malformed",
        "",
        "unknown",
        "wrong_product",
        "revoked",
        "",
        "missing_scope",
        "unknown",
    ];
    let results = verify_batch(&service, &questions).await;
    let reasons: Vec<_> = results
        .iter()
        .map(|result| result["reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(reasons, expected);
    for (question, result) in questions.iter().zip(&results) {
        let alone = service.raw.post_json("/v1/internal/api-keys/verify", question).await;
        assert_eq!(alone.json::<Value>(), *result);
    }
    service.operator.set_fault(Some(Fault::Unavailable));
    let results = verify_batch(&service, &questions).await;
    assert_eq!(results[0]["reason"], "malformed");
    assert!(
        results[1..].iter().all(|result| result["reason"] == "unavailable"),
        "{results:?}"
    );
}

async fn a_batch_has_1_to_100_keys(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let path = "/v1/internal/api-keys/verify-batch";
    let many = |count: usize| vec![json!({ "key": UNKNOWN }); count];
    for (count, limit) in [(0, "at least 1"), (101, "at most 100")] {
        let response = service.raw.post_json(path, &json!({ "keys": many(count) })).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("`keys`") && message.contains(limit), "{message}");
    }
    for count in [1, 100] {
        let results = verify_batch(&service, &many(count)).await;
        assert_eq!(results, vec![json!({ "valid": false, "reason": "unknown" }); count]);
    }
}

/// Otherwise the repeated key would use up the budget of its prefix.
async fn a_batch_hashes_a_repeated_key_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let key = service.api_key(tenant.id).await.plaintext;
    let results = verify_batch(&service, &vec![json!({ "key": key.expose_secret() }); 100]).await;
    assert!(results.iter().all(|result| result["valid"] == true), "{results:?}");
}

async fn stores_the_time_of_the_last_use(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    for _ in 0..2 {
        service.clock.advance(TimeDelta::minutes(1));
        let now = service.clock.now();
        assert!(service.verify(created.plaintext.expose_secret()).await.valid);
        let used = async || {
            let last = service.last_used_at(tenant.id, created.api_key.id).await;
            (last == Some(now)).then_some(())
        };
        until("the time of last use", used).await;
    }
}

/// A later use of another key is written, so an earlier use of the rejected key would be too.
async fn a_rejected_key_has_no_last_use(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let (revoked, valid) = (service.api_key(tenant.id).await, service.api_key(tenant.id).await);
    service
        .client
        .api_key_revoke()
        .id(revoked.api_key.id)
        .send()
        .await
        .unwrap();
    assert!(!service.verify(revoked.plaintext.expose_secret()).await.valid);
    assert!(service.verify(valid.plaintext.expose_secret()).await.valid);
    let written = async || service.last_used_at(tenant.id, valid.api_key.id).await;
    until("the time of last use", written).await;
    assert_eq!(service.last_used_at(tenant.id, revoked.api_key.id).await, None);
}
