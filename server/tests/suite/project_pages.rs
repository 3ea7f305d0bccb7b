//! Listing projects, page by page.

use crate::harness::cases::cases;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{StoreUnderTest, TestServer};
use tenant_registry_client::TryStreamExt;
use tenant_registry_client::types::{ErrorCode, ListCursor, ProjectId, ProjectPage, TenantId};

cases![
    a_page_has_50_projects_by_default_and_at_most_limit,
    walking_the_pages_returns_every_project_once,
    the_last_page_has_no_cursor,
    a_page_has_whole_projects,
    a_cursor_of_another_list_is_rejected,
    the_tenant_has_to_exist,
    projects_that_are_created_during_a_walk_do_not_change_it,
];

impl TestServer {
    /// Creates projects, and returns their ids, newest first.
    async fn projects(&self, tenant_id: TenantId, count: usize) -> Vec<ProjectId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let slug = format!("p-{}", uuid::Uuid::now_v7().simple());
            ids.insert(0, self.project(tenant_id, &slug).await.id);
        }
        ids
    }

    async fn project_page(&self, tenant_id: TenantId, limit: i32, cursor: Option<ListCursor>) -> ProjectPage {
        let mut list = self.client.project_list().tenant_id(tenant_id).limit(limit);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        list.send().await.unwrap().into_inner()
    }
}

fn ids(page: &ProjectPage) -> Vec<ProjectId> {
    page.items.iter().map(|project| project.id).collect()
}

async fn a_page_has_50_projects_by_default_and_at_most_limit(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let expected = service.projects(tenant.id, 51).await;
    let by_default = service.client.project_list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(ids(&by_default), expected[..50]);
    for (limit, count) in [(1, 1), (2, 2), (500, 51)] {
        let page = service.project_page(tenant.id, limit, None).await;
        assert_eq!(ids(&page), expected[..count]);
    }
}

async fn walking_the_pages_returns_every_project_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    service.projects(other.id, 1).await;
    let expected = service.projects(tenant.id, 7).await;
    service.projects(other.id, 1).await;
    for limit in 1..9 {
        let stream = service.client.project_list().tenant_id(tenant.id).limit(limit).stream();
        let walked: Vec<_> = stream.map_ok(|project| project.id).try_collect().await.unwrap();
        assert_eq!(walked, expected, "{limit}");
    }
}

async fn the_last_page_has_no_cursor(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let empty = service.raw.get(&format!("/v1/projects?tenant_id={}", tenant.id)).await;
    assert_eq!(empty.text, r#"{"items":[]}"#);
    service.projects(tenant.id, 4).await;
    for (limit, has_next) in [(3, true), (4, false), (5, false)] {
        let page = service.project_page(tenant.id, limit, None).await;
        assert_eq!(page.next_cursor.is_some(), has_next, "{limit}");
    }
}

async fn a_page_has_whole_projects(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let (website, mobile) = (
        service.project(tenant.id, "website").await,
        service.project(tenant.id, "mobile-app").await,
    );
    let page = service.project_page(tenant.id, 50, None).await;
    assert_eq!(page.items, [mobile, website.clone()]);
    let deleted = service.client.project_delete().id(page.items[0].id).send().await;
    assert!(deleted.is_ok(), "{deleted:?}");
    assert_eq!(service.project_page(tenant.id, 50, None).await.items, [website]);
}

async fn a_cursor_of_another_list_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (tenant, other) = (service.customer("owner").await, service.customer("other").await);
    service.projects(tenant.id, 3).await;
    let cursor = service.project_page(tenant.id, 1, None).await.next_cursor.unwrap();
    let list = |tenant_id| service.client.project_list().tenant_id(tenant_id);
    // The limit is no filter.
    let rest = list(tenant.id).cursor(cursor.clone()).limit(500).send().await.unwrap();
    assert_eq!(rest.items.len(), 2);
    let of_keys = service
        .client
        .api_key_list()
        .tenant_id(tenant.id)
        .cursor(cursor.clone());
    let of_keys = assert_error(of_keys.send().await, 400, ErrorCode::InvalidInput);
    let of_other = list(other.id).cursor(cursor);
    let of_other = assert_error(of_other.send().await, 400, ErrorCode::InvalidInput);
    let unknown = list(tenant.id).cursor("no-cursor");
    let unknown = assert_error(unknown.send().await, 400, ErrorCode::InvalidInput);
    for message in [of_keys, of_other, unknown] {
        assert!(
            message.starts_with("`cursor`: does not belong to this list with these filters"),
            "{message}"
        );
    }
}

async fn the_tenant_has_to_exist(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id: TenantId = unknown_id();
    let message = assert_error(
        service.client.project_list().tenant_id(id).send().await,
        404,
        ErrorCode::NotFound,
    );
    assert!(message.contains(&id.to_string()), "{message}");
}

async fn projects_that_are_created_during_a_walk_do_not_change_it(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("owner").await;
    let expected = service.projects(tenant.id, 5).await;
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let page = service.project_page(tenant.id, 2, cursor).await;
        walked.extend(ids(&page));
        cursor = page.next_cursor;
        service.projects(tenant.id, 1).await;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected);
}
