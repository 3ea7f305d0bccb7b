//! Creating, listing and revoking API keys.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use tenant_registry_client::types::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyRotate, ErrorCode, ProjectId, TenantCancel, TenantId,
};
use tenant_registry_client::{Error, ResponseValue};
use tenant_registry_server::api_key_hash::{HashLimits, PrefixBudget};
use uuid::Uuid;

cases![
    stores_given_properties,
    absent_properties_have_defaults,
    a_key_must_expire_in_the_future,
    a_key_is_bound_to_a_project_of_its_tenant,
    gets_a_key_by_its_id,
    the_plaintext_starts_with_the_prefix,
    plaintexts_are_unique,
    only_the_create_response_contains_the_plaintext,
    the_create_response_is_not_cached,
    lists_all_keys_newest_first_including_revoked_ones,
    lists_only_keys_of_the_tenant,
    creates_keys_for_a_frozen_tenant,
    a_rotated_key_has_a_successor,
    the_old_key_is_valid_during_the_overlap,
    a_rotation_never_extends_a_key,
    revoking_the_old_key_ends_the_overlap,
    a_key_can_be_rotated_once,
    a_revoked_or_expired_key_cannot_be_rotated,
    a_rotation_writes_one_event,
    the_rotate_response_is_not_cached,
    updates_what_the_body_contains,
    a_key_expires_earlier_but_never_later,
    a_revoked_or_expired_key_cannot_be_updated,
    revoking_sets_the_revocation_time_once,
    repeating_a_revocation_changes_nothing_and_writes_no_event,
    events_contain_only_the_id_and_the_prefix,
    an_unknown_tenant_is_not_found,
    an_unknown_key_is_not_found,
    a_full_hash_queue_rejects_creation,
];

impl TestServer {
    async fn api_keys(&self, tenant_id: TenantId) -> Vec<ApiKey> {
        let list = self.client.api_key_list().tenant_id(tenant_id).send().await;
        list.unwrap().into_inner().items
    }
}

async fn stores_given_properties(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let body = ApiKeyCreate {
        tenant_id: tenant.id,
        project_id: Some(service.project(tenant.id, "mobile-app").await.id),
        name: "ci pipeline 🦀".try_into().unwrap(),
        product: Some("no-product-of-the-catalog".try_into().unwrap()),
        scopes: ["reports:read", "", "reports:read"]
            .map(|scope| scope.try_into().unwrap())
            .to_vec(),
        created_by: Some("Ada".try_into().unwrap()),
        expires_at: Some((service.clock.now() + TimeDelta::days(1)).try_into().unwrap()),
    };
    let created = service.client.api_key_create().body(body.clone()).send().await.unwrap();
    let key = &created.api_key;
    assert_eq!(
        json!([
            key.tenant_id,
            key.project_id,
            key.name,
            key.product,
            key.scopes,
            key.created_by,
            key.expires_at
        ]),
        json!([
            body.tenant_id,
            body.project_id,
            body.name,
            body.product,
            body.scopes,
            body.created_by,
            body.expires_at
        ])
    );
    assert_eq!(
        (key.created_at.get(), key.last_used_at, key.revoked_at),
        (service.clock.now(), None, None)
    );
    assert_eq!(Uuid::from(key.id).get_version_num(), 7);
    assert!(created.warning.contains("cannot be shown again"));
    assert_eq!(service.api_keys(tenant.id).await, std::slice::from_ref(key));
}

async fn absent_properties_have_defaults(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let body = json!({ "tenant_id": tenant.id, "name": "" });
    let response = service.raw.post_json("/v1/api-keys", &body).await;
    assert_eq!(response.status, 201);
    let api_key = &response.json::<Value>()["api_key"];
    assert_eq!(api_key["scopes"], json!([]));
    for name in ["expires_at", "last_used_at", "revoked_at"] {
        assert_eq!(api_key.get(name), Some(&Value::Null), "{name}");
    }
    assert!(
        api_key.get("product").is_none() && api_key.get("created_by").is_none(),
        "{api_key}"
    );
}

async fn a_key_must_expire_in_the_future(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let now = service.clock.now();
    for past in [now, now - TimeDelta::microseconds(1), now - TimeDelta::days(400)] {
        let body = ApiKeyCreate {
            expires_at: Some(past.try_into().unwrap()),
            ..ApiKeyCreate::new(tenant.id, "expired".try_into().unwrap())
        };
        let rejected = service.client.api_key_create().body(body).send().await;
        let message = assert_error(rejected, 400, ErrorCode::InvalidInput);
        assert!(message.contains("`expires_at`"), "{message}");
    }
    assert!(service.api_keys(tenant.id).await.is_empty());
}

async fn a_key_is_bound_to_a_project_of_its_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    let project = service.project(tenant.id, "mobile-app").await;
    let foreign = service.project(other.id, "mobile-app").await;
    let create = async |project_id: ProjectId| {
        let body = ApiKeyCreate {
            project_id: Some(project_id),
            ..ApiKeyCreate::new(tenant.id, "bound".try_into().unwrap())
        };
        let response = service.client.api_key_create().body(body).send().await;
        response.map(ResponseValue::into_inner)
    };
    for missing in [foreign.id, unknown_id()] {
        let message = assert_error(create(missing).await, 404, ErrorCode::NotFound);
        assert!(message.contains("`project_id`"), "{message}");
    }
    let bound = create(project.id).await.unwrap();
    assert_eq!(bound.api_key.project_id, Some(project.id));
    let verified = service.verify(bound.plaintext.expose_secret()).await;
    assert_eq!(verified.project_id, Some(project.id));
    let successor = service.rotate(bound.api_key.id, 0).await.unwrap();
    assert_eq!(successor.api_key.project_id, Some(project.id));
    // The successor is usable, so the project cannot be deleted.
    assert_error(
        service.client.project_delete().id(project.id).send().await,
        409,
        ErrorCode::Conflict,
    );
    service
        .client
        .api_key_revoke()
        .id(successor.api_key.id)
        .send()
        .await
        .unwrap();
    service.client.project_delete().id(project.id).send().await.unwrap();
    assert_eq!(service.get_api_key(bound.api_key.id).await.project_id, None);
    assert_eq!(service.api_keys(tenant.id).await.len(), 2);
}

async fn gets_a_key_by_its_id(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await.api_key;
    let get = async || {
        let response = service.client.api_key_get().id(created.id).send().await;
        response.unwrap().into_inner()
    };
    assert_eq!(get().await, created);
    service.client.api_key_revoke().id(created.id).send().await.unwrap();
    assert!(get().await.revoked_at.is_some());
}

async fn the_plaintext_starts_with_the_prefix(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let plaintext = created.plaintext.expose_secret();
    assert_eq!(
        (plaintext.len(), &plaintext[..11]),
        (25, created.api_key.prefix.as_str())
    );
    assert!(plaintext.starts_with("bp_"));
}

async fn plaintexts_are_unique(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let mut seen = HashSet::new();
    for _ in 0..8 {
        assert!(seen.insert(service.api_key(tenant.id).await.plaintext.expose_secret().to_owned()));
    }
}

async fn the_create_response_is_not_cached(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("blue-sky").await;
    let body = json!({ "tenant_id": tenant.id, "name": "ci", "scopes": ["reports:read"] });
    let created = service.raw.post_json("/v1/api-keys", &body).await;
    assert_eq!((created.status, created.header("cache-control")), (201, "no-store"));
}

async fn only_the_create_response_contains_the_plaintext(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let secret = created.plaintext.expose_secret();
    service.verify(secret).await;
    let revoke = service.client.api_key_revoke().id(created.api_key.id);
    revoke.send().await.unwrap();
    let body = json!({ "key": secret, "tenant_id": secret, "name": "n" });
    let responses = [
        service.raw.get(&format!("/v1/api-keys?tenant_id={}", tenant.id)).await,
        service.raw.get(&format!("/v1/api-keys/{}", created.api_key.id)).await,
        service.raw.get("/v1/audit?limit=500").await,
        service.raw.post_json("/v1/internal/api-keys/verify", &body).await,
    ];
    // The first characters are the prefix, which is not secret.
    let hidden = &secret[11..];
    for response in responses {
        assert_eq!(response.status, 200, "{response:?}");
        assert!(!response.text.contains(hidden), "{response:?}");
        assert!(!format!("{:?}", response.headers).contains(hidden), "{response:?}");
    }
    assert!(!format!("{created:?}").contains(hidden));
}

async fn lists_all_keys_newest_first_including_revoked_ones(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        service.clock.advance(TimeDelta::seconds(1));
        ids.push(service.api_key(tenant.id).await.api_key.id);
    }
    service.client.api_key_revoke().id(ids[1]).send().await.unwrap();
    let listed: Vec<_> = service.api_keys(tenant.id).await.iter().map(|key| key.id).collect();
    ids.reverse();
    assert_eq!(listed, ids);
}

async fn lists_only_keys_of_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (one, other) = (service.customer("one").await, service.customer("other").await);
    service.api_key(one.id).await;
    assert!(service.api_keys(other.id).await.is_empty());
}

async fn creates_keys_for_a_frozen_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("frozen").await;
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    assert_eq!(service.api_key(tenant.id).await.api_key.tenant_id, tenant.id);
}

impl TestServer {
    async fn rotate(&self, id: ApiKeyId, overlap_seconds: i32) -> Result<ApiKeyCreated, Error> {
        let body = ApiKeyRotate {
            overlap_seconds: overlap_seconds.try_into().unwrap(),
        };
        let response = self.client.api_key_rotate().id(id).body(body).send().await;
        response.map(ResponseValue::into_inner)
    }

    async fn get_api_key(&self, id: ApiKeyId) -> ApiKey {
        let response = self.client.api_key_get().id(id).send().await;
        response.unwrap().into_inner()
    }

    async fn expect_valid(&self, key: &ApiKeyCreated, is_valid: bool) {
        let verified = self.verify(key.plaintext.expose_secret()).await;
        assert_eq!(verified.valid, is_valid, "{verified:?}");
    }
}

async fn a_rotated_key_has_a_successor(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let body = ApiKeyCreate {
        product: Some("reports".try_into().unwrap()),
        scopes: vec!["reports:read".try_into().unwrap()],
        created_by: Some("Ada".try_into().unwrap()),
        ..ApiKeyCreate::new(tenant.id, "nightly export".try_into().unwrap())
    };
    let old = service
        .client
        .api_key_create()
        .body(body)
        .send()
        .await
        .unwrap()
        .into_inner();
    service.clock.advance(TimeDelta::minutes(1));
    // Without a body.
    let rotated = service.client.api_key_rotate().id(old.api_key.id).send().await.unwrap();
    assert_eq!(rotated.status().as_u16(), 201);
    let ApiKeyCreated { api_key, plaintext, .. } = rotated.into_inner();
    assert_ne!(plaintext.expose_secret(), old.plaintext.expose_secret());
    let expected = ApiKey {
        id: api_key.id,
        prefix: plaintext.expose_secret()[..11].try_into().unwrap(),
        created_by: None,
        created_at: service.clock.now().try_into().unwrap(),
        rotated_from: Some(old.api_key.id),
        ..old.api_key.clone()
    };
    assert_eq!(api_key, expected);
    let a_day = service.clock.now() + TimeDelta::days(1);
    let expected = ApiKey {
        expires_at: Some(a_day.try_into().unwrap()),
        rotated_to: Some(api_key.id),
        ..old.api_key
    };
    assert_eq!(service.api_keys(tenant.id).await, [api_key, expected]);
}

async fn the_old_key_is_valid_during_the_overlap(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let replica = service.replica(Settings::default()).await;
    let tenant = service.customer("owner").await;
    for overlap in [0, 1, 2_592_000] {
        let old = service.api_key(tenant.id).await;
        let new = service.rotate(old.api_key.id, overlap).await.unwrap();
        let overlap = TimeDelta::seconds(overlap.into());
        for (passed, old_is_valid) in [
            (overlap - TimeDelta::microseconds(1), !overlap.is_zero()),
            (TimeDelta::microseconds(1), false),
        ] {
            service.clock.advance(passed.max(TimeDelta::zero()));
            for replica in [&service, &replica] {
                replica.expect_valid(&old, old_is_valid).await;
                replica.expect_valid(&new, true).await;
            }
        }
    }
}

async fn a_rotation_never_extends_a_key(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let end = service.clock.now() + TimeDelta::minutes(10);
    for (overlap, expected) in [(3_600, end), (60, service.clock.now() + TimeDelta::minutes(1))] {
        let body = ApiKeyCreate {
            expires_at: Some(end.try_into().unwrap()),
            ..ApiKeyCreate::new(tenant.id, "temporary".try_into().unwrap())
        };
        let old = service.client.api_key_create().body(body).send().await.unwrap();
        let new = service.rotate(old.api_key.id, overlap).await.unwrap();
        let old = service.get_api_key(old.api_key.id).await;
        assert_eq!(old.expires_at.map(DateTime::from), Some(expected));
        assert_eq!(new.api_key.expires_at, None);
    }
}

async fn revoking_the_old_key_ends_the_overlap(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let old = service.api_key(tenant.id).await;
    let new = service.rotate(old.api_key.id, 3_600).await.unwrap();
    service.expect_valid(&old, true).await;
    service.client.api_key_revoke().id(old.api_key.id).send().await.unwrap();
    service.expect_valid(&old, false).await;
    service.expect_valid(&new, true).await;
}

async fn a_key_can_be_rotated_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let old = service.api_key(tenant.id).await;
    let new = service.rotate(old.api_key.id, 3_600).await.unwrap();
    let keys = service.api_keys(tenant.id).await;
    let again = service.rotate(old.api_key.id, 3_600).await;
    let message = assert_error(again, 409, ErrorCode::Conflict);
    assert!(message.contains(&new.api_key.id.to_string()), "{message}");
    assert_eq!(service.api_keys(tenant.id).await, keys);
    // The successor can be rotated in turn.
    let next = service.rotate(new.api_key.id, 0).await.unwrap();
    assert_eq!(next.api_key.rotated_from, Some(new.api_key.id));
}

async fn a_revoked_or_expired_key_cannot_be_rotated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let revoked = service.api_key(tenant.id).await.api_key.id;
    service.client.api_key_revoke().id(revoked).send().await.unwrap();
    let end = service.clock.now() + TimeDelta::minutes(1);
    let body = ApiKeyCreate {
        expires_at: Some(end.try_into().unwrap()),
        ..ApiKeyCreate::new(tenant.id, "temporary".try_into().unwrap())
    };
    let expired = service
        .client
        .api_key_create()
        .body(body)
        .send()
        .await
        .unwrap()
        .api_key
        .id;
    service.clock.set(end);
    let before = service.actions(tenant.id).await;
    for (id, state) in [(revoked, "revoked"), (expired, "expired")] {
        let message = assert_error(service.rotate(id, 0).await, 409, ErrorCode::Conflict);
        assert!(message.contains(state), "{message}");
    }
    assert_eq!(service.actions(tenant.id).await, before);
}

async fn a_rotation_writes_one_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let old = service.api_key(tenant.id).await.api_key;
    let new = service.rotate(old.id, 60).await.unwrap();
    let end = service.get_api_key(old.id).await.expires_at;
    let events = service.events(tenant.id).await;
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["tenant.created", "api_key.created", "api_key.rotated"]);
    let event = &events[2];
    assert_eq!(
        event.target_id.as_ref().map(|id| id.as_str()),
        Some(old.id.to_string().as_str())
    );
    let metadata = event.metadata.as_ref().map(|it| it.parse::<Value>().unwrap());
    assert_eq!(
        metadata,
        Some(json!({
            "expires_at": end, "prefix": old.prefix, "successor": new.api_key.id,
            "successor_prefix": new.api_key.prefix,
        }))
    );
}

async fn the_rotate_response_is_not_cached(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("blue-sky").await;
    let id = service.api_key(tenant.id).await.api_key.id;
    let rotated = service
        .raw
        .post_json(&format!("/v1/api-keys/{id}/rotate"), &json!({}))
        .await;
    assert_eq!((rotated.status, rotated.header("cache-control")), (201, "no-store"));
}

impl TestServer {
    async fn update_api_key(&self, id: ApiKeyId, body: &Value) -> RawResponse {
        let request = self.raw.request(Method::PATCH, &format!("/v1/api-keys/{id}"));
        RawResponse::from_request(request.json(body)).await
    }
}

async fn updates_what_the_body_contains(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let id = created.api_key.id;
    let body = json!({ "name": "nightly export", "scopes": ["reports:read"] });
    for _ in 0..2 {
        let response = service.update_api_key(id, &body).await;
        assert_eq!(response.status, 200, "{response:?}");
        let expected = ApiKey {
            name: "nightly export".try_into().unwrap(),
            scopes: vec!["reports:read".into()],
            ..created.api_key.clone()
        };
        assert_eq!(response.json::<ApiKey>(), expected);
        assert_eq!(service.get_api_key(id).await, expected);
    }
    assert_eq!(service.update_api_key(id, &json!({})).await.status, 200);
    let verified = service.verify(created.plaintext.expose_secret()).await;
    assert_eq!(json!(verified.scopes), json!(["reports:read"]));
    for name in ["name", "scopes", "expires_at"] {
        let response = service.update_api_key(id, &json!({ name: null })).await;
        response.assert_error(400, ErrorCode::InvalidInput);
    }
    // The second update changed nothing, so there is one event.
    let events = service.events(tenant.id).await;
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["tenant.created", "api_key.created", "api_key.updated"]);
    let metadata = events[2].metadata.as_ref().map(|it| it.parse::<Value>().unwrap());
    assert_eq!(
        metadata,
        Some(json!({
            "changed": ["name", "scopes"], "old": { "scopes": [] }, "new": { "scopes": ["reports:read"] },
            "prefix": created.api_key.prefix,
        }))
    );
}

async fn a_key_expires_earlier_but_never_later(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.api_key(tenant.id).await;
    let id = created.api_key.id;
    let now = service.clock.now();
    let set = async |end: DateTime<Utc>| {
        let end = tenant_registry_client::types::Timestamp::try_from(end).unwrap();
        service.update_api_key(id, &json!({ "expires_at": end })).await
    };
    for past in [now, now - TimeDelta::days(1)] {
        let message = set(past).await.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("`expires_at`"), "{message}");
    }
    for (hours, status) in [(10, 200), (10, 200), (11, 409), (2, 200), (10, 409)] {
        let response = set(now + TimeDelta::hours(hours)).await;
        assert_eq!(response.status, status, "{hours}: {response:?}");
    }
    let end = now + TimeDelta::hours(2);
    assert_eq!(service.get_api_key(id).await.expires_at.map(DateTime::from), Some(end));
    service.clock.set(end);
    service.expect_valid(&created, false).await;
    // The same end again changes nothing; a later one does not revive the key.
    assert_eq!(set(end).await.status, 200);
    set(end + TimeDelta::hours(1))
        .await
        .assert_error(409, ErrorCode::Conflict);
}

async fn a_revoked_or_expired_key_cannot_be_updated(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let revoked = service.api_key(tenant.id).await.api_key.id;
    service.client.api_key_revoke().id(revoked).send().await.unwrap();
    let expired = service.api_key(tenant.id).await.api_key.id;
    service.rotate(expired, 0).await.unwrap();
    let before = service.actions(tenant.id).await;
    for (id, state) in [(revoked, "revoked"), (expired, "expired")] {
        let response = service.update_api_key(id, &json!({ "name": "another" })).await;
        let message = response.assert_error(409, ErrorCode::Conflict);
        assert!(message.contains(state), "{message}");
    }
    assert_eq!(service.actions(tenant.id).await, before);
    let response = service
        .update_api_key(unknown_id(), &json!({ "name": "another" }))
        .await;
    response.assert_error(404, ErrorCode::NotFound);
}

async fn revoking_sets_the_revocation_time_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let (kept, revoked) = (
        service.api_key(tenant.id).await.api_key,
        service.api_key(tenant.id).await.api_key,
    );
    service.clock.advance(TimeDelta::minutes(5));
    let response = service.client.api_key_revoke().id(revoked.id).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 204);
    let expected = ApiKey {
        revoked_at: Some(service.clock.now().try_into().unwrap()),
        ..revoked
    };
    let listed: HashSet<_> = service
        .api_keys(tenant.id)
        .await
        .iter()
        .map(|key| format!("{key:?}"))
        .collect();
    assert_eq!(listed, HashSet::from([format!("{kept:?}"), format!("{expected:?}")]));
}

async fn repeating_a_revocation_changes_nothing_and_writes_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let id = service.api_key(tenant.id).await.api_key.id;
    service.client.api_key_revoke().id(id).send().await.unwrap();
    let first = service.api_keys(tenant.id).await;
    service.clock.advance(TimeDelta::minutes(5));
    let again = service.client.api_key_revoke().id(id).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 204);
    assert_eq!(service.api_keys(tenant.id).await, first);
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "api_key.created", "api_key.revoked"]
    );
}

async fn events_contain_only_the_id_and_the_prefix(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let api_key = service.api_key(tenant.id).await.api_key;
    service.client.api_key_revoke().id(api_key.id).send().await.unwrap();
    let events = service.events(tenant.id).await;
    for (event, action) in events[1..].iter().zip(["api_key.created", "api_key.revoked"]) {
        assert_eq!(event.action.as_str(), action);
        assert_eq!(
            event.target_id.as_ref().map(|id| id.to_string()),
            Some(api_key.id.to_string())
        );
        let metadata = event.metadata.as_ref().map(|it| it.parse::<Value>().unwrap());
        assert_eq!(metadata, Some(json!({ "prefix": api_key.prefix })));
        assert_eq!((&event.target_name, &event.product), (&None, &None));
    }
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let body = ApiKeyCreate::new(id, "orphan".try_into().unwrap());
    assert_error(
        service.client.api_key_create().body(body).send().await,
        404,
        ErrorCode::NotFound,
    );
    assert_error(
        service.client.api_key_list().tenant_id(id).send().await,
        404,
        ErrorCode::NotFound,
    );
}

async fn an_unknown_key_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: ApiKeyId = unknown_id();
    let messages = [
        assert_error(
            service.client.api_key_get().id(id).send().await,
            404,
            ErrorCode::NotFound,
        ),
        assert_error(service.rotate(id, 0).await, 404, ErrorCode::NotFound),
        assert_error(
            service.client.api_key_revoke().id(id).send().await,
            404,
            ErrorCode::NotFound,
        ),
    ];
    for message in messages {
        assert!(message.contains(&id.to_string()), "{message}");
    }
}

async fn a_full_hash_queue_rejects_creation(store: StoreUnderTest) {
    let no_room = Settings {
        hash_limits: HashLimits {
            max_running: 0,
            max_waiting: 0,
            cached_keys: 0,
            prefix_budget: PrefixBudget::default(),
        },
        ..Settings::default()
    };
    let service = TestServer::start_with(store, no_room).await;
    let tenant = service.customer("owner").await;
    let body = ApiKeyCreate::new(tenant.id, "none".try_into().unwrap());
    assert_error(
        service.client.api_key_create().body(body).send().await,
        503,
        ErrorCode::Unavailable,
    );
    assert!(service.api_keys(tenant.id).await.is_empty());
    assert_eq!(service.actions(tenant.id).await, ["tenant.created"]);
}
