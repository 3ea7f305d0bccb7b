//! Creating, reading, updating and deleting projects.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, server_id, unknown_id};
use crate::harness::{RawResponse, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tenant_registry_client::types::{ErrorCode, Patch, Project, ProjectId, ProjectUpdate, TenantCancel, TenantId};
use tenant_registry_client::{EntityTag, Error};
use tenant_registry_contract::types::{ApiKeyId, ApiKeyName, ApiKeyPrefix, Timestamp};
use tenant_registry_server::api_key_hash::StoredHash;
use tenant_registry_server::records::ApiKeyRecord;
use uuid::Uuid;

cases![
    stores_given_properties,
    omits_an_absent_description,
    a_slug_in_use_is_a_conflict_and_changes_nothing,
    tenants_can_use_the_same_slug,
    a_frozen_tenant_can_have_projects,
    an_unknown_tenant_is_not_found,
    changes_what_the_body_contains_and_nothing_else,
    the_same_values_change_nothing_and_write_no_event,
    an_update_rejects_what_it_cannot_change,
    an_update_accepts_both_media_types_and_no_others,
    two_changes_to_the_same_version_do_not_overwrite_each_other,
    a_deleted_project_is_not_found,
    a_project_with_usable_keys_cannot_be_deleted,
    an_expired_key_is_not_usable,
    the_keys_of_a_deleted_project_remain,
    events_name_the_project,
];

impl TestServer {
    async fn project_delete(&self, id: ProjectId) -> Result<u16, Error> {
        let response = self.client.project_delete().id(id).send().await;
        response.map(|response| response.status().as_u16())
    }

    async fn project_get(&self, id: ProjectId) -> Project {
        self.client.project_get().id(id).send().await.unwrap().into_inner()
    }

    async fn project_update(&self, id: ProjectId, body: ProjectUpdate) -> Result<Project, Error> {
        let response = self.client.project_update().id(id).body(body).send().await;
        response.map(|response| response.into_inner())
    }

    async fn project_patch(&self, id: ProjectId, media_type: &str, body: &str) -> RawResponse {
        let request = self.raw.request(Method::PATCH, &format!("/v1/projects/{id}"));
        RawResponse::from_request(request.header(CONTENT_TYPE, media_type).body(body.to_owned())).await
    }

    /// Inserts an API key of a project directly into the store.
    async fn insert_key_of(&self, project: &Project) -> ApiKeyId {
        self.insert_key_until(project, None).await
    }

    /// Inserts an API key of a project that expires.
    async fn insert_key_until(&self, project: &Project, expires_at: Option<Timestamp>) -> ApiKeyId {
        let id = ApiKeyId::from(Uuid::now_v7());
        let api_key = ApiKeyRecord {
            id,
            tenant_id: server_id(project.tenant_id),
            project_id: Some(Uuid::from(project.id).into()),
            product: None,
            name: ApiKeyName::try_from("of a project").unwrap(),
            scopes: Vec::new(),
            prefix: ApiKeyPrefix::try_from("bp_Zm9vYmFy").unwrap(),
            hash: StoredHash::from_stored("argon2id|c2FsdA|aGFzaA".to_owned()),
            digest: None,
            created_by: None,
            last_used_at: None,
            expires_at,
            rotated_to: None,
            rotated_from: None,
            revoked_at: None,
            created_at: self.clock.now().try_into().unwrap(),
        };
        self.operator.insert_api_key(api_key).await;
        id
    }

    async fn revoke(&self, id: ApiKeyId) {
        let revoke = self.client.api_key_revoke().id(Uuid::from(id));
        revoke.send().await.unwrap();
    }
}

async fn create(service: &TestServer, tenant_id: TenantId, slug: &str) -> RawResponse {
    let body = json!({ "tenant_id": tenant_id, "slug": slug, "name": "n" });
    service.raw.post_json("/v1/projects", &body).await
}

async fn stores_given_properties(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let body =
        json!({ "tenant_id": tenant.id, "slug": "website", "name": "Website 🦀", "description": "What visitors see." });
    let response = service.raw.post_json("/v1/projects", &body).await;
    assert_eq!(response.status, 201, "{response:?}");
    let project: Project = response.json();
    assert_eq!(
        json!([project.tenant_id, project.slug, project.name, project.description]),
        json!([body["tenant_id"], body["slug"], body["name"], body["description"]])
    );
    let now = service.clock.now();
    assert_eq!((project.created_at.get(), project.updated_at.get()), (now, now));
    service.clock.advance(TimeDelta::hours(1));
    let read = service.client.project_get().id(project.id).send().await.unwrap();
    assert_eq!(read.into_inner(), project);
}

async fn omits_an_absent_description(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project: Value = create(&service, tenant.id, "website").await.json();
    assert!(project.get("description").is_none(), "{project}");
}

async fn a_slug_in_use_is_a_conflict_and_changes_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project = service.project(tenant.id, "website").await;
    service.clock.advance(TimeDelta::hours(1));
    let response = create(&service, tenant.id, "website").await;
    let message = response.assert_error(409, ErrorCode::Conflict);
    assert!(message.contains("`website`"), "{message}");
    let read = service.client.project_get().id(project.id).send().await.unwrap();
    assert_eq!(read.into_inner(), project);
    assert_eq!(service.actions(tenant.id).await, ["tenant.created", "project.created"]);
}

async fn tenants_can_use_the_same_slug(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for slug in ["one", "other"] {
        let tenant = service.customer(slug).await;
        assert_eq!(create(&service, tenant.id, "website").await.status, 201);
    }
}

async fn a_frozen_tenant_can_have_projects(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("frozen").await;
    service.cancel(tenant.id, TenantCancel::default()).await.unwrap();
    let project = service.project(tenant.id, "website").await;
    assert_eq!(service.project_delete(project.id).await.unwrap(), 204);
}

async fn an_unknown_tenant_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let message = create(&service, id, "website")
        .await
        .assert_error(404, ErrorCode::NotFound);
    assert!(message.contains(&id.to_string()), "{message}");
}

fn named(name: &str) -> ProjectUpdate {
    ProjectUpdate {
        name: Some(name.try_into().unwrap()),
        ..ProjectUpdate::default()
    }
}

async fn changes_what_the_body_contains_and_nothing_else(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let created = service.project(tenant.id, "website").await;
    let other = service.project(tenant.id, "other").await;
    let described = || Some("What visitors see 🦀".into());
    let mut expected = created.clone();
    for (body, name, description) in [
        (named("Website and shop"), "Website and shop", None),
        (
            ProjectUpdate {
                description: Patch::Set("What visitors see 🦀".try_into().unwrap()),
                ..ProjectUpdate::default()
            },
            "Website and shop",
            described(),
        ),
        (named("Shop"), "Shop", described()),
        (
            ProjectUpdate {
                description: Patch::Clear,
                ..named("Website")
            },
            "Website",
            None,
        ),
    ] {
        service.clock.advance(TimeDelta::minutes(1));
        expected.name = name.try_into().unwrap();
        expected.description = description;
        expected.updated_at = service.clock.now().try_into().unwrap();
        assert_eq!(service.project_update(created.id, body).await.unwrap(), expected);
        assert_eq!(service.project_get(created.id).await, expected);
    }
    assert_eq!(service.project_get(other.id).await, other);
}

async fn the_same_values_change_nothing_and_write_no_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let id = service.project(tenant.id, "website").await.id;
    service.clock.advance(TimeDelta::minutes(1));
    let updated = service.project_update(id, named("Website")).await.unwrap();
    service.clock.advance(TimeDelta::minutes(1));
    let cleared = ProjectUpdate {
        description: Patch::Clear,
        ..ProjectUpdate::default()
    };
    for same in [named("Website"), ProjectUpdate::default(), cleared] {
        assert_eq!(service.project_update(id, same).await.unwrap(), updated);
    }
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "project.created", "project.updated"]
    );
}

async fn an_update_rejects_what_it_cannot_change(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project = service.project(tenant.id, "website").await;
    for (body, part) in [
        ("", "the body is missing"),
        (r#"{"slug":"other"}"#, "`slug`: unknown member"),
        (r#"{"tenant_id":"x"}"#, "`tenant_id`: unknown member"),
        (r#"{"name":null}"#, "`name`"),
        (r#"{"name":""}"#, "`name`: must have at least 1 character"),
    ] {
        let response = service.project_patch(project.id, "application/json", body).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains(part), "{body}: {message}");
    }
    let long = json!({ "name": "n".repeat(64 * 1024) }).to_string();
    let response = service.project_patch(project.id, "application/json", &long).await;
    response.assert_error(413, ErrorCode::PayloadTooLarge);
    assert_eq!(service.project_get(project.id).await, project);
}

async fn an_update_accepts_both_media_types_and_no_others(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let id = service.project(tenant.id, "website").await.id;
    for media_type in ["application/merge-patch+json", "application/json"] {
        let body = json!({ "name": media_type });
        let response = service.project_patch(id, media_type, &body.to_string()).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.json::<Value>()["name"], body["name"]);
    }
    let response = service.project_patch(id, "text/plain", r#"{"name":"other"}"#).await;
    response.assert_error(415, ErrorCode::UnsupportedMediaType);
}

async fn two_changes_to_the_same_version_do_not_overwrite_each_other(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let id = service.project(tenant.id, "website").await.id;
    let read = service.client.project_get().id(id).send().await.unwrap();
    let tag = read.entity_tag().unwrap().to_owned();
    service.clock.advance(TimeDelta::seconds(1));
    let update = |name: &str| {
        let request = service.client.project_update().id(id).if_match(&*tag);
        request.body(named(name)).send()
    };
    let (one, other) = tokio::join!(update("One"), update("Other"));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_error(lost, 412, ErrorCode::PreconditionFailed);
    let won = won.unwrap();
    assert_ne!(won.entity_tag(), Some(&*tag));
    assert_eq!(service.project_get(id).await, won.into_inner());
}

async fn a_deleted_project_is_not_found(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let id = service.project(tenant.id, "website").await.id;
    assert_eq!(service.project_delete(id).await.unwrap(), 204);
    for id in [id, unknown_id()] {
        let message = assert_error(service.project_delete(id).await, 404, ErrorCode::NotFound);
        assert!(message.contains(&id.to_string()), "{message}");
        assert_error(
            service.client.project_get().id(id).send().await,
            404,
            ErrorCode::NotFound,
        );
        let message = assert_error(service.project_update(id, named("n")).await, 404, ErrorCode::NotFound);
        assert!(message.contains(&id.to_string()), "{message}");
    }
    assert_eq!(
        service.actions(tenant.id).await,
        ["tenant.created", "project.created", "project.deleted"]
    );
    // Its slug is free again.
    service.project(tenant.id, "website").await;
}

async fn a_project_with_usable_keys_cannot_be_deleted(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let (project, other) = (
        service.project(tenant.id, "website").await,
        service.project(tenant.id, "other").await,
    );
    service.insert_key_of(&other).await;
    service.api_key(tenant.id).await;
    let keys = [
        service.insert_key_of(&project).await,
        service.insert_key_of(&project).await,
        service.insert_key_of(&project).await,
    ];
    service.revoke(keys[0]).await;
    for (revoked, expected) in [(keys[1], "2 usable API keys"), (keys[2], "1 usable API key;")] {
        let message = assert_error(service.project_delete(project.id).await, 409, ErrorCode::Conflict);
        assert!(message.contains(expected), "{message}");
        service.revoke(revoked).await;
    }
    assert!(service.client.project_get().id(project.id).send().await.is_ok());
    assert_eq!(service.project_delete(project.id).await.unwrap(), 204);
}

async fn an_expired_key_is_not_usable(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project = service.project(tenant.id, "website").await;
    let end = service.clock.now() + TimeDelta::seconds(60);
    service.insert_key_until(&project, Some(end.try_into().unwrap())).await;
    service.clock.advance(TimeDelta::microseconds(59_999_999));
    assert_error(service.project_delete(project.id).await, 409, ErrorCode::Conflict);
    service.clock.advance(TimeDelta::microseconds(1));
    assert_eq!(service.project_delete(project.id).await.unwrap(), 204);
}

async fn the_keys_of_a_deleted_project_remain(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project = service.project(tenant.id, "website").await;
    let key = service.insert_key_of(&project).await;
    service.revoke(key).await;
    let keys = async || service.client.api_key_list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(keys().await.items.len(), 1);
    service.project_delete(project.id).await.unwrap();
    let left = keys().await;
    let [left] = left.items.as_slice() else {
        panic!("{left:?}");
    };
    assert_eq!(Uuid::from(left.id), Uuid::from(key));
    assert!(left.revoked_at.is_some());
}

async fn events_name_the_project(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let project = service.project(tenant.id, "website").await;
    let described = ProjectUpdate {
        description: Patch::Set("For Ada".try_into().unwrap()),
        ..ProjectUpdate::default()
    };
    service.project_update(project.id, described).await.unwrap();
    service.project_delete(project.id).await.unwrap();
    let events = service.events(tenant.id).await;
    assert_eq!(events.len(), 4);
    // The texts may be personal data.
    let changed = json!({ "changed": ["description"], "old": {}, "new": {}, "slug": "website" });
    let slug = json!({ "slug": "website" });
    for (event, (action, expected)) in events[1..].iter().zip([
        ("project.created", &slug),
        ("project.updated", &changed),
        ("project.deleted", &slug),
    ]) {
        assert_eq!(event.action.as_str(), action);
        assert_eq!(event.project_id, Some(project.id));
        let target = (&event.target_type, &event.target_id, &event.target_name);
        assert_eq!(json!(target), json!(["project", project.id, project.name]));
        let metadata: Value = event.metadata.as_ref().unwrap().parse().unwrap();
        assert_eq!(&metadata, expected);
    }
}
