//! Three replicas on one store: after a change was answered, none of them says otherwise.
//!
//! Each replica verifies keys all the time. A verification that begins after the response to the change has to see it.
//! `REPLICA_VERIFICATIONS` sets how many do, for each change.

use crate::harness::cases::cases;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_registry_client::types::{ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, TenantCancel, TenantId};

cases![
    no_replica_accepts_a_revoked_key,
    no_replica_accepts_a_key_after_its_overlap,
    no_replica_accepts_a_key_after_the_overlap_is_ended,
    no_replica_accepts_an_expired_key,
    no_replica_accepts_a_key_that_was_made_to_expire,
    no_replica_accepts_a_scope_that_was_removed,
    no_replica_accepts_a_key_of_a_cancelled_tenant,
    no_replica_accepts_a_key_after_the_end_of_the_period,
    no_replica_accepts_a_key_of_an_archived_tenant,
    no_replica_knows_a_key_of_a_deleted_tenant,
    no_replica_accepts_a_disabled_entitlement,
    no_replica_accepts_a_revoked_entitlement,
    no_replica_accepts_an_expired_entitlement,
    every_replica_accepts_a_granted_entitlement,
    every_replica_accepts_a_started_trial,
];

/// How many verifications begin after each change, on all replicas, unless `REPLICA_VERIFICATIONS` is set.
const VERIFICATIONS: usize = 60;

const REPLICAS: usize = 3;

/// Three replicas, a tenant that is entitled to `insights`, and its key.
struct Replicas {
    services: Vec<TestServer>,
    tenant_id: TenantId,
    key: ApiKeyCreated,
}

impl Replicas {
    async fn start(store: StoreUnderTest) -> Self {
        let first = TestServer::start(store).await;
        let mut services = Vec::new();
        for _ in 1..REPLICAS {
            services.push(first.replica(Settings::default()).await);
        }
        services.push(first);
        let service = &services[0];
        let tenant_id = service.customer("careful").await.id;
        let trial = json!({ "tenant_id": tenant_id, "product": "insights" });
        let trial = service.raw.post_json("/v1/catalog/trial-request", &trial).await;
        assert_eq!(trial.status, 201, "{trial:?}");
        let body = ApiKeyCreate {
            scopes: vec!["reports:read".try_into().unwrap()],
            // Within the trial of the tenant.
            expires_at: Some((service.clock.now() + TimeDelta::days(7)).try_into().unwrap()),
            ..ApiKeyCreate::new(tenant_id, "careful".try_into().unwrap())
        };
        let key = service
            .client
            .api_key_create()
            .body(body)
            .send()
            .await
            .unwrap()
            .into_inner();
        Self {
            services,
            tenant_id,
            key,
        }
    }

    fn service(&self) -> &TestServer {
        &self.services[0]
    }

    /// Verifies the key on all replicas while `change` is made. `before` and `after` are the reasons of an invalid key, or
    /// empty.
    async fn expect(&self, before: &str, change: impl Future<Output = ()>, after: &str) {
        let answered = AtomicBool::new(false);
        let verifications = std::env::var("REPLICA_VERIFICATIONS")
            .ok()
            .and_then(|count| count.parse().ok());
        let each = verifications.unwrap_or(VERIFICATIONS).div_ceil(REPLICAS);
        let question = json!({
            "key": self.key.plaintext.expose_secret(), "product": "insights", "scopes": ["reports:read"],
        });
        // Each replica has hashed the key, so that the verifications are fast.
        for service in &self.services {
            assert_eq!(reason(service, &question).await, before);
        }
        let verify = async |service: &TestServer| {
            let mut seen = 0;
            while seen < each {
                let is_after = answered.load(Ordering::SeqCst);
                let reason = reason(service, &question).await;
                if is_after {
                    assert_eq!(reason, after, "after {seen} verifications");
                    seen += 1;
                } else {
                    assert!([before, after].contains(&reason.as_str()), "{reason}");
                }
            }
        };
        let change = async {
            change.await;
            answered.store(true, Ordering::SeqCst);
        };
        tokio::join!(change, join_all(self.services.iter().map(verify)));
    }

    async fn rotate(&self, overlap_seconds: i32) {
        let body = ApiKeyRotate {
            overlap_seconds: overlap_seconds.try_into().unwrap(),
        };
        let rotate = self.service().client.api_key_rotate().id(self.key.api_key.id);
        rotate.body(body).send().await.unwrap();
    }

    async fn revoke(&self) {
        let revoke = self.service().client.api_key_revoke().id(self.key.api_key.id);
        revoke.send().await.unwrap();
    }

    async fn update(&self, body: Value) {
        let path = format!("/v1/api-keys/{}", self.key.api_key.id);
        let request = self.service().raw.request(Method::PATCH, &path).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn archive(&self) {
        let archive = self.service().client.tenant_archive().id(self.tenant_id);
        archive.send().await.unwrap();
    }

    /// Replaces the tenant's entitlement to `insights`.
    async fn set_entitlement(&self, body: Value) {
        let path = format!("/v1/entitlements/{}/insights", self.tenant_id);
        let request = self.service().raw.request(Method::PUT, &path).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn revoke_entitlement(&self) {
        let path = format!("/v1/entitlements/{}/insights", self.tenant_id);
        let request = self.service().raw.request(Method::DELETE, &path);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}

/// The reason why a key is not valid. Empty if it is.
async fn reason(service: &TestServer, question: &Value) -> String {
    let response = service.raw.post_json("/v1/internal/api-keys/verify", question).await;
    let verified: Value = response.json();
    assert_eq!(verified["valid"], verified["reason"].is_null(), "{verified}");
    verified["reason"].as_str().unwrap_or_default().to_owned()
}

async fn no_replica_accepts_a_revoked_key(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.expect("", replicas.revoke(), "revoked").await;
}

async fn no_replica_accepts_a_key_after_its_overlap(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.expect("", replicas.rotate(3_600), "").await;
    let passes = async { replicas.service().clock.advance(TimeDelta::hours(1)) };
    replicas.expect("", passes, "expired").await;
}

async fn no_replica_accepts_a_key_after_the_overlap_is_ended(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.rotate(3_600).await;
    replicas.expect("", replicas.revoke(), "revoked").await;
}

async fn no_replica_accepts_an_expired_key(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let passes = async { replicas.service().clock.advance(TimeDelta::days(7)) };
    replicas.expect("", passes, "expired").await;
}

async fn no_replica_accepts_a_key_that_was_made_to_expire(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let end = replicas.service().clock.now() + TimeDelta::minutes(1);
    let end = tenant_registry_client::types::Timestamp::try_from(end).unwrap();
    replicas
        .expect("", replicas.update(json!({ "expires_at": end })), "")
        .await;
    let passes = async { replicas.service().clock.advance(TimeDelta::minutes(1)) };
    replicas.expect("", passes, "expired").await;
}

async fn no_replica_accepts_a_scope_that_was_removed(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let change = replicas.update(json!({ "scopes": ["reports:write"] }));
    replicas.expect("", change, "missing_scope").await;
}

async fn no_replica_accepts_a_key_of_a_cancelled_tenant(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let cancel = async {
        let cancelled = replicas.service().cancel(replicas.tenant_id, TenantCancel::default());
        cancelled.await.unwrap();
    };
    replicas.expect("", cancel, "tenant_inactive").await;
}

async fn no_replica_accepts_a_key_after_the_end_of_the_period(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let service = replicas.service();
    // The trial of the tenant ends before that of the product, and before the key.
    let end = service.clock.now() + TimeDelta::days(1);
    let end = tenant_registry_client::types::Timestamp::try_from(end).unwrap();
    let path = format!("/v1/tenants/{}", replicas.tenant_id);
    let update = service
        .raw
        .request(Method::PATCH, &path)
        .json(&json!({ "trial_ends_at": end }));
    assert_eq!(update.send().await.unwrap().status(), 200);
    let cancel = async {
        let body = TenantCancel {
            at_period_end: true,
            ..TenantCancel::default()
        };
        service.cancel(replicas.tenant_id, body).await.unwrap();
    };
    replicas.expect("", cancel, "").await;
    let passes = async { service.clock.advance(TimeDelta::days(1)) };
    replicas.expect("", passes, "tenant_inactive").await;
}

async fn no_replica_accepts_a_key_of_an_archived_tenant(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.expect("", replicas.archive(), "tenant_inactive").await;
}

async fn no_replica_knows_a_key_of_a_deleted_tenant(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.archive().await;
    let delete = async {
        let delete = replicas.service().client.tenant_delete().id(replicas.tenant_id);
        delete.send().await.unwrap();
    };
    replicas.expect("tenant_inactive", delete, "unknown").await;
}

async fn no_replica_accepts_a_disabled_entitlement(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let disable = replicas.set_entitlement(json!({ "source": "override", "enabled": false }));
    replicas.expect("", disable, "not_entitled").await;
}

async fn no_replica_accepts_a_revoked_entitlement(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.expect("", replicas.revoke_entitlement(), "not_entitled").await;
}

async fn no_replica_accepts_an_expired_entitlement(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let service = replicas.service();
    // The product is tried for 14 days; the key expires earlier, so that another one is needed.
    let key = service.api_key(replicas.tenant_id).await;
    let scopes = json!({ "scopes": ["reports:read"] });
    let path = format!("/v1/api-keys/{}", key.api_key.id);
    let update = service.raw.request(Method::PATCH, &path).json(&scopes);
    assert_eq!(update.send().await.unwrap().status(), 200);
    let replicas = Replicas { key, ..replicas };
    let passes = async { replicas.service().clock.advance(TimeDelta::days(14)) };
    replicas.expect("", passes, "not_entitled").await;
}

async fn every_replica_accepts_a_granted_entitlement(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    replicas.revoke_entitlement().await;
    let grant = replicas.set_entitlement(json!({ "source": "override" }));
    replicas.expect("not_entitled", grant, "").await;
}

async fn every_replica_accepts_a_started_trial(store: StoreUnderTest) {
    let replicas = Replicas::start(store).await;
    let service = replicas.service();
    let tenant_id = service.customer("curious").await.id;
    let body = ApiKeyCreate {
        scopes: vec!["reports:read".try_into().unwrap()],
        ..ApiKeyCreate::new(tenant_id, "curious".try_into().unwrap())
    };
    let key = service
        .client
        .api_key_create()
        .body(body)
        .send()
        .await
        .unwrap()
        .into_inner();
    let replicas = Replicas {
        tenant_id,
        key,
        ..replicas
    };
    let start = async {
        let trial = json!({ "tenant_id": tenant_id, "product": "insights" });
        let trial = replicas
            .service()
            .raw
            .post_json("/v1/catalog/trial-request", &trial)
            .await;
        assert_eq!(trial.status, 201, "{trial:?}");
    };
    replicas.expect("not_entitled", start, "").await;
}
