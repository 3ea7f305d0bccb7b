//! Concurrent requests to two replicas: one succeeds, the others get a conflict.

use crate::harness::cases::cases;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::{ApiKeyVerifyReason, AuditEvent, ErrorCode, TenantActivate, TenantStatus};

cases![
    one_of_many_requests_gets_the_slug,
    one_of_many_tenants_gets_the_external_id,
    one_of_many_requests_starts_the_trial,
    concurrent_activation_and_cancellation_leave_the_last_state,
    concurrent_trial_and_cancellation_happen_in_some_order,
    one_of_many_requests_rotates_a_key,
    concurrent_rotation_and_revocation_happen_in_some_order,
    concurrent_revocations_revoke_a_key_once,
    a_revoked_key_never_verifies_after_the_response,
];

/// The number of concurrent requests.
const MANY: usize = 12;

/// The number of attempts if several orders are valid.
const ROUNDS: usize = 12;

/// Two replicas on one store.
async fn replicas(store: StoreUnderTest) -> [TestServer; 2] {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    [one, other]
}

/// Sends the same request many times concurrently, alternating between the replicas.
async fn many(replicas: &[TestServer; 2], method: Method, path: &str, body: Option<Value>) -> Vec<RawResponse> {
    let requests = replicas.iter().cycle().take(MANY).map(|service| {
        let mut request = service.raw.request(method.clone(), path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        RawResponse::from_request(request)
    });
    join_all(requests).await
}

/// Expects one response with `status` and conflicts otherwise.
#[track_caller]
fn one_winner(responses: &[RawResponse], status: u16) {
    let (won, lost): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == status);
    assert_eq!(won.len(), 1, "{responses:?}");
    for response in lost {
        response.assert_error(409, ErrorCode::Conflict);
    }
}

impl TestServer {
    async fn count(&self, action: &str) -> usize {
        let page = self.client.audit_list().action(action).limit(500).send().await.unwrap();
        page.items.len()
    }
}

async fn one_of_many_requests_gets_the_slug(store: StoreUnderTest) {
    let replicas = replicas(store).await;
    let body = json!({ "slug": "wanted", "name": "n" });
    one_winner(&many(&replicas, Method::POST, "/v1/tenants", Some(body)).await, 201);
    assert_eq!(replicas[0].count("tenant.created").await, 1);
}

async fn one_of_many_tenants_gets_the_external_id(store: StoreUnderTest) {
    let replicas = replicas(store).await;
    for round in 0..ROUNDS {
        let mut updates = Vec::new();
        for (number, service) in replicas.iter().cycle().take(4).enumerate() {
            let tenant = service.customer(&format!("tenant-{round}-{number}")).await;
            // Both ids, in either order.
            let body = if number % 2 == 0 {
                format!(r#"{{"erp_customer_id":"{round}","stripe_cust_id":"{round}"}}"#)
            } else {
                format!(r#"{{"stripe_cust_id":"{round}","erp_customer_id":"{round}"}}"#)
            };
            let request = service
                .raw
                .request(Method::PATCH, &format!("/v1/tenants/{}", tenant.id));
            updates.push(request.header("content-type", "application/json").body(body));
        }
        let responses = join_all(updates.into_iter().map(RawResponse::from_request)).await;
        one_winner(&responses, 200);
    }
    assert_eq!(replicas[0].count("tenant.updated").await, ROUNDS);
}

async fn one_of_many_requests_starts_the_trial(store: StoreUnderTest) {
    let replicas = replicas(store).await;
    let tenant = replicas[0].customer("curious").await;
    let body = json!({ "tenant_id": tenant.id, "product": "insights" });
    let responses = many(&replicas, Method::POST, "/v1/catalog/trial-request", Some(body)).await;
    one_winner(&responses, 201);
    assert_eq!(replicas[0].count("catalog.trial_started").await, 1);
}

async fn concurrent_activation_and_cancellation_leave_the_last_state(store: StoreUnderTest) {
    let [one, other] = replicas(store).await;
    for round in 0..ROUNDS {
        let tenant = one.customer(&format!("tenant-{round}")).await;
        let (activated, cancelled) = tokio::join!(
            one.activate(tenant.id, TenantActivate::default()),
            other.cancel(tenant.id, Default::default())
        );
        activated.unwrap();
        cancelled.unwrap();
        let events = one.events(tenant.id).await;
        let expected = match last_action(&events) {
            "tenant.activated" => TenantStatus::Active,
            "tenant.cancelled" => TenantStatus::Frozen,
            other => panic!("{other}"),
        };
        assert_eq!(one.tenant(tenant.id).await.status, expected, "{events:?}");
        assert_eq!(events.len(), 3, "{events:?}");
    }
}

fn last_action(events: &[AuditEvent]) -> &str {
    events.last().unwrap().action.as_str()
}

async fn concurrent_trial_and_cancellation_happen_in_some_order(store: StoreUnderTest) {
    let [one, other] = replicas(store).await;
    for round in 0..ROUNDS {
        let tenant = one.customer(&format!("tenant-{round}")).await;
        let body = json!({ "tenant_id": tenant.id, "product": "insights" });
        let (trial, cancelled) = tokio::join!(
            one.raw.post_json("/v1/catalog/trial-request", &body),
            other.cancel(tenant.id, Default::default())
        );
        cancelled.unwrap();
        let actions = one.actions(tenant.id).await;
        // A frozen tenant cannot start a trial, so a started trial came first.
        if trial.status == 201 {
            assert_eq!(actions, ["tenant.created", "catalog.trial_started", "tenant.cancelled"]);
        } else {
            trial.assert_error(409, ErrorCode::Conflict);
            assert_eq!(actions, ["tenant.created", "tenant.cancelled"]);
        }
    }
}

async fn one_of_many_requests_rotates_a_key(store: StoreUnderTest) {
    let replicas = replicas(store).await;
    let tenant = replicas[0].customer("careful").await;
    let id = replicas[0].api_key(tenant.id).await.api_key.id;
    let path = format!("/v1/api-keys/{id}/rotate");
    one_winner(&many(&replicas, Method::POST, &path, Some(json!({}))).await, 201);
    assert_eq!(replicas[0].count("api_key.rotated").await, 1);
    let keys = replicas[1]
        .client
        .api_key_list()
        .tenant_id(tenant.id)
        .send()
        .await
        .unwrap();
    assert_eq!(keys.items.len(), 2);
}

async fn concurrent_rotation_and_revocation_happen_in_some_order(store: StoreUnderTest) {
    let [one, other] = replicas(store).await;
    let tenant = one.customer("careful").await;
    for _ in 0..ROUNDS {
        let created = one.api_key(tenant.id).await;
        let id = created.api_key.id;
        let path = format!("/v1/api-keys/{id}/rotate");
        let body = json!({});
        let (rotated, revoked) = tokio::join!(
            one.raw.post_json(&path, &body),
            other.client.api_key_revoke().id(id).send()
        );
        revoked.unwrap();
        // A revoked key cannot be rotated, so a rotation came first. In both orders the old key is revoked.
        if rotated.status != 201 {
            rotated.assert_error(409, ErrorCode::Conflict);
        }
        let old = other.client.api_key_get().id(id).send().await.unwrap();
        assert_eq!(old.rotated_to.is_some(), rotated.status == 201);
        let reason = one.verify(created.plaintext.expose_secret()).await.reason;
        assert_eq!(reason, Some(ApiKeyVerifyReason::Revoked.into()));
    }
}

async fn concurrent_revocations_revoke_a_key_once(store: StoreUnderTest) {
    let replicas = replicas(store).await;
    let tenant = replicas[0].customer("careful").await;
    let id = replicas[0].api_key(tenant.id).await.api_key.id;
    let responses = many(&replicas, Method::DELETE, &format!("/v1/api-keys/{id}"), None).await;
    assert!(responses.iter().all(|response| response.status == 204), "{responses:?}");
    assert_eq!(replicas[0].count("api_key.revoked").await, 1);
}

async fn a_revoked_key_never_verifies_after_the_response(store: StoreUnderTest) {
    let [one, other] = replicas(store).await;
    let tenant = one.customer("careful").await;
    for _ in 0..4 {
        one.clock.advance(TimeDelta::seconds(1));
        let created = one.api_key(tenant.id).await;
        let (id, key) = (created.api_key.id, created.plaintext.expose_secret());
        // Only requests that start before the response to the revocation may succeed.
        let (_, _, revoked) = tokio::join!(
            other.verify(key),
            one.verify(key),
            one.client.api_key_revoke().id(id).send()
        );
        revoked.unwrap();
        for service in [&one, &other] {
            assert_eq!(
                service.verify(key).await.reason,
                Some(ApiKeyVerifyReason::Revoked.into())
            );
        }
    }
}
