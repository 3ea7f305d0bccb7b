//! Steps that many cases share.

use super::TestServer;
use std::fmt::Debug;
use tenant_registry_client::types::{
    ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyVerify, ApiKeyVerifyRequest, AuditEvent, ErrorCode, Project,
    ProjectCreate, Tenant, TenantActivate, TenantCancel, TenantCreate, TenantId, TenantKind, TenantUpdate,
};
use tenant_registry_client::{Error, ResponseValue};
use tenant_registry_contract::types::TenantId as ServerTenantId;
use uuid::Uuid;

impl TestServer {
    /// Creates a customer, which is in trial.
    pub(crate) async fn customer(&self, slug: &str) -> Tenant {
        self.create(slug, TenantKind::Customer).await
    }

    pub(crate) async fn demo(&self, slug: &str) -> Tenant {
        self.create(slug, TenantKind::Demo).await
    }

    async fn create(&self, slug: &str, kind: TenantKind) -> Tenant {
        let mut body = TenantCreate::new(slug.try_into().unwrap(), slug.try_into().unwrap());
        body.kind = kind;
        self.client
            .tenant_create()
            .body(body)
            .send()
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) async fn archived(&self, slug: &str) -> Tenant {
        let tenant = self.customer(slug).await;
        self.archive(tenant.id).await.unwrap()
    }

    pub(crate) async fn tenant(&self, id: TenantId) -> Tenant {
        self.client.tenant_get().id(id).send().await.unwrap().into_inner()
    }

    pub(crate) async fn update(&self, id: TenantId, body: TenantUpdate) -> Result<Tenant, Error> {
        let response = self.client.tenant_update().id(id).body(body).send().await;
        response.map(ResponseValue::into_inner)
    }

    pub(crate) async fn activate(&self, id: TenantId, body: TenantActivate) -> Result<Tenant, Error> {
        let response = self.client.tenant_activate().id(id).body(body).send().await;
        response.map(ResponseValue::into_inner)
    }

    pub(crate) async fn archive(&self, id: TenantId) -> Result<Tenant, Error> {
        let response = self.client.tenant_archive().id(id).send().await;
        response.map(ResponseValue::into_inner)
    }

    pub(crate) async fn cancel(&self, id: TenantId, body: TenantCancel) -> Result<Tenant, Error> {
        let response = self.client.tenant_cancel().id(id).body(body).send().await;
        response.map(ResponseValue::into_inner)
    }

    /// All events of a tenant, oldest first.
    pub(crate) async fn events(&self, tenant_id: TenantId) -> Vec<AuditEvent> {
        let page = self
            .client
            .audit_list()
            .tenant_id(tenant_id)
            .limit(500)
            .send()
            .await
            .unwrap();
        let mut events = page.into_inner().items;
        events.reverse();
        events
    }

    /// The actions of all events of a tenant, oldest first.
    pub(crate) async fn actions(&self, tenant_id: TenantId) -> Vec<String> {
        let events = self.events(tenant_id).await;
        events.iter().map(|event| event.action.to_string()).collect()
    }

    /// Creates a project.
    pub(crate) async fn project(&self, tenant_id: TenantId, slug: &str) -> Project {
        let body = ProjectCreate::new(tenant_id, slug.try_into().unwrap(), slug.try_into().unwrap());
        self.client
            .project_create()
            .body(body)
            .send()
            .await
            .unwrap()
            .into_inner()
    }

    /// Creates an API key.
    pub(crate) async fn api_key(&self, tenant_id: TenantId) -> ApiKeyCreated {
        let body = ApiKeyCreate::new(tenant_id, "ci pipeline".try_into().unwrap());
        self.client
            .api_key_create()
            .body(body)
            .send()
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) async fn verify(&self, key: &str) -> ApiKeyVerify {
        let body = ApiKeyVerifyRequest::new(ApiKeyCandidate::from(key));
        self.client
            .api_key_verify()
            .body(body)
            .send()
            .await
            .unwrap()
            .into_inner()
    }
}

/// Converts an id to the server's type.
pub(crate) fn server_id(id: TenantId) -> ServerTenantId {
    ServerTenantId::from(Uuid::from(id))
}

/// An id that no record has.
pub(crate) fn unknown_id<T: From<Uuid>>() -> T {
    T::from(Uuid::now_v7())
}

/// Expects an error with this status and code, and returns its message.
#[track_caller]
pub(crate) fn assert_error<T: Debug>(response: Result<T, Error>, status: u16, code: ErrorCode) -> String {
    let error = response.unwrap_err();
    let Some(response) = error.response() else {
        panic!("{error:?}");
    };
    assert_eq!(
        (response.status.as_u16(), response.code.known()),
        (status, Some(code)),
        "{response:?}"
    );
    assert!(
        response.request_id.is_some() && !response.message.is_empty(),
        "{response:?}"
    );
    response.message.clone()
}
