//! Listing API keys: filters and pages.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, server_id};
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::json;
use tenant_registry_client::TryStreamExt;
use tenant_registry_client::types::{
    ApiKeyCreate, ApiKeyId, ApiKeyList, ErrorCode, ListCursor, Project, ProjectId, TenantId,
};
use tenant_registry_contract::types::ApiKeyId as ServerApiKeyId;
use tenant_registry_server::api_key_hash::StoredHash;
use tenant_registry_server::records::ApiKeyRecord;
use uuid::Uuid;

cases![
    a_page_has_500_keys_by_default_and_at_most_limit,
    walking_the_pages_returns_every_key_once,
    the_last_page_has_no_cursor,
    each_filter_excludes_other_keys,
    every_page_applies_the_filters,
    a_cursor_of_other_filters_is_rejected,
    a_page_has_at_most_1_mib,
    keys_that_are_created_during_a_walk_do_not_change_it,
];

impl TestServer {
    /// Stores a key without the cost of hashing.
    async fn stored_api_key(&self, tenant_id: TenantId, product: Option<&str>, scopes: &[String]) -> ApiKeyId {
        self.stored_api_key_of_project(tenant_id, None, product, scopes).await
    }

    async fn stored_api_key_of_project(
        &self,
        tenant_id: TenantId,
        project_id: Option<ProjectId>,
        product: Option<&str>,
        scopes: &[String],
    ) -> ApiKeyId {
        let id = Uuid::now_v7();
        let record = ApiKeyRecord {
            id: ServerApiKeyId::from(id),
            tenant_id: server_id(tenant_id),
            project_id: project_id.map(|id| Uuid::from(id).into()),
            product: product.map(Into::into),
            name: "stored".try_into().unwrap(),
            scopes: scopes.iter().map(|scope| scope.as_str().into()).collect(),
            prefix: "bp_12345678".try_into().unwrap(),
            hash: StoredHash::from_stored("argon2id|c2FsdA|aGFzaA".to_owned()),
            digest: None,
            created_by: None,
            rotated_to: None,
            rotated_from: None,
            last_used_at: None,
            revoked_at: None,
            expires_at: None,
            created_at: self.clock.now().try_into().unwrap(),
        };
        self.operator.insert_api_key(record).await;
        ApiKeyId::from(id)
    }

    /// The ids, newest first.
    async fn stored_api_keys(&self, tenant_id: TenantId, count: usize) -> Vec<ApiKeyId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.insert(0, self.stored_api_key(tenant_id, None, &[]).await);
        }
        ids
    }

    async fn key_page(&self, tenant_id: TenantId, limit: i32, cursor: Option<ListCursor>) -> ApiKeyList {
        let mut list = self.client.api_key_list().tenant_id(tenant_id).limit(limit);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        list.send().await.unwrap().into_inner()
    }
}

fn ids(page: &ApiKeyList) -> Vec<ApiKeyId> {
    page.items.iter().map(|key| key.id).collect()
}

async fn a_page_has_500_keys_by_default_and_at_most_limit(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let expected = service.stored_api_keys(tenant.id, 501).await;
    let by_default = service.client.api_key_list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(ids(&by_default), expected[..500]);
    for limit in [1, 2, 500] {
        let page = service.key_page(tenant.id, limit, None).await;
        assert_eq!(ids(&page), expected[..limit.unsigned_abs() as usize]);
    }
}

async fn walking_the_pages_returns_every_key_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    service.stored_api_keys(other.id, 1).await;
    let expected = service.stored_api_keys(tenant.id, 7).await;
    service.stored_api_keys(other.id, 1).await;
    for limit in 1..9 {
        let stream = service.client.api_key_list().tenant_id(tenant.id).limit(limit).stream();
        let walked: Vec<_> = stream.map_ok(|key| key.id).try_collect().await.unwrap();
        assert_eq!(walked, expected, "{limit}");
    }
}

async fn the_last_page_has_no_cursor(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let empty = service.raw.get(&format!("/v1/api-keys?tenant_id={}", tenant.id)).await;
    assert_eq!(empty.text, r#"{"items":[]}"#);
    service.stored_api_keys(tenant.id, 4).await;
    for (limit, has_next) in [(3, true), (4, false), (5, false)] {
        let page = service.key_page(tenant.id, limit, None).await;
        assert_eq!(page.next_cursor.is_some(), has_next, "{limit}");
    }
}

async fn each_filter_excludes_other_keys(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let plain = service.stored_api_key(tenant.id, None, &[]).await;
    let insights = service.stored_api_key(tenant.id, Some("insights"), &[]).await;
    let revoked = service.stored_api_key(tenant.id, Some("insights"), &[]).await;
    service.client.api_key_revoke().id(revoked).send().await.unwrap();
    let list = || service.client.api_key_list().tenant_id(tenant.id);
    assert_eq!(ids(&list().send().await.unwrap()), [revoked, insights, plain]);
    assert_eq!(
        ids(&list().product("insights").send().await.unwrap()),
        [revoked, insights]
    );
    assert!(list().product("Insights").send().await.unwrap().items.is_empty());
    assert!(list().product("").send().await.unwrap().items.is_empty());
    assert_eq!(ids(&list().usable(true).send().await.unwrap()), [insights, plain]);
    assert_eq!(ids(&list().usable(false).send().await.unwrap()), [revoked]);
    let both = list().product("insights").usable(true).send().await.unwrap();
    assert_eq!(ids(&both), [insights]);

    let body = json!({ "tenant_id": tenant.id, "slug": "website", "name": "Website" });
    let project: Project = service.raw.post_json("/v1/projects", &body).await.json();
    let bound = service
        .stored_api_key_of_project(tenant.id, Some(project.id), None, &[])
        .await;
    let of_project = list().project_id(project.id);
    assert_eq!(ids(&of_project.clone().send().await.unwrap()), [bound]);
    assert!(of_project.product("insights").send().await.unwrap().items.is_empty());
    let other = service.customer("other").await;
    let of_other = service.client.api_key_list().tenant_id(other.id).project_id(project.id);
    assert!(of_other.send().await.unwrap().items.is_empty());

    let end = service.clock.now() + TimeDelta::hours(1);
    let body = ApiKeyCreate {
        expires_at: Some(end.try_into().unwrap()),
        ..ApiKeyCreate::new(tenant.id, "expires".try_into().unwrap())
    };
    let expiring = service.client.api_key_create().body(body).send().await.unwrap();
    let expiring = expiring.api_key.id;
    let usable = async |usable: bool| {
        let keys = list().usable(usable).send().await.unwrap().into_inner().items;
        keys.iter().any(|key| key.id == expiring)
    };
    service.clock.set(end - TimeDelta::microseconds(1));
    assert_eq!((usable(true).await, usable(false).await), (true, false));
    service.clock.set(end);
    assert_eq!((usable(true).await, usable(false).await), (false, true));
}

async fn every_page_applies_the_filters(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let mut expected = Vec::new();
    for number in 0..12 {
        let product = ["insights", "reports"][number % 2];
        let id = service.stored_api_key(tenant.id, Some(product), &[]).await;
        if number % 3 == 0 {
            service.client.api_key_revoke().id(id).send().await.unwrap();
        } else if product == "insights" {
            expected.insert(0, id);
        }
    }
    let list = service.client.api_key_list().tenant_id(tenant.id);
    let stream = list.product("insights").usable(true).limit(1).stream();
    let walked: Vec<_> = stream.map_ok(|key| key.id).try_collect().await.unwrap();
    assert_eq!(walked, expected);
}

async fn a_cursor_of_other_filters_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    service.stored_api_keys(tenant.id, 3).await;
    let cursor = service.key_page(tenant.id, 1, None).await.next_cursor.unwrap();
    let list = |tenant_id| {
        service
            .client
            .api_key_list()
            .tenant_id(tenant_id)
            .cursor(cursor.clone())
    };
    // The limit is no filter.
    assert_eq!(list(tenant.id).limit(500).send().await.unwrap().items.len(), 2);
    for rejected in [
        list(other.id),
        list(tenant.id).product("insights"),
        list(tenant.id).usable(true),
        service.client.api_key_list().tenant_id(tenant.id).cursor("no-cursor"),
    ] {
        let message = assert_error(rejected.send().await, 400, ErrorCode::InvalidInput);
        assert!(
            message.starts_with("`cursor`: does not belong to this list with these filters"),
            "{message}"
        );
    }
}

async fn a_page_has_at_most_1_mib(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    // A hundred of the longest scopes. In JSON, each character has six bytes.
    let scopes = vec!["\u{1}".repeat(256); 100];
    let mut expected = Vec::new();
    for _ in 0..15 {
        expected.insert(0, service.stored_api_key(tenant.id, None, &scopes).await);
    }
    let (mut walked, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let path = format!("/v1/api-keys?tenant_id={}", tenant.id);
        let path = cursor.map_or(path.clone(), |cursor: ListCursor| format!("{path}&cursor={cursor}"));
        let response = service.raw.get(&path).await;
        assert!(response.text.len() <= 1_048_576, "{}", response.text.len());
        let page: ApiKeyList = response.json();
        walked.extend(ids(&page));
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((walked, pages), (expected, 3));
}

async fn keys_that_are_created_during_a_walk_do_not_change_it(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let expected = service.stored_api_keys(tenant.id, 5).await;
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let page = service.key_page(tenant.id, 2, cursor).await;
        walked.extend(ids(&page));
        cursor = page.next_cursor;
        service.stored_api_keys(tenant.id, 1).await;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected);
}
