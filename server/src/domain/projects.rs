//! The rules of projects: creating, reading and deleting them.

use super::Registry;
use super::caller::{Caller, TenantScope};
use super::error::{Conflict, DomainError, NotFound, PreconditionFailed, ProjectChangeError, ProjectCreateError};
use super::service_event::{ServiceAction, ServiceEvent};
use crate::records::{NewAuditEvent, ProjectRecord, stored};
use crate::store::{Deleted, ProjectCreated, Store};
use serde_json::Map;
use tenant_registry_contract::server::IfMatch;
use tenant_registry_contract::types::{Project, ProjectCreate, ProjectId, TenantId, Text, Timestamp};

impl ProjectRecord {
    /// A new project.
    fn new(id: ProjectId, body: ProjectCreate, now: Timestamp) -> Self {
        let ProjectCreate {
            tenant_id,
            slug,
            name,
            description,
        } = body;
        Self {
            id,
            tenant_id,
            slug,
            name,
            description: description.map(stored::<Text>),
            created_at: now,
            updated_at: now,
        }
    }

    /// The project as readers see it.
    fn into_project(self) -> Project {
        let Self {
            id,
            tenant_id,
            slug,
            name,
            description,
            created_at,
            updated_at,
        } = self;
        Project {
            id,
            tenant_id,
            slug,
            name,
            description,
            created_at,
            updated_at,
        }
    }

    fn event(&self, action: ServiceAction, caller: &Caller, now: Timestamp) -> NewAuditEvent {
        let mut metadata = Map::new();
        metadata.insert("slug".to_owned(), self.slug.as_str().into());
        ServiceEvent {
            action,
            tenant_id: self.tenant_id,
            project_id: Some(self.id),
            target_id: self.id.to_string(),
            target_name: Some(self.name.as_str()),
            product: None,
            metadata,
        }
        .caused_by(caller, now)
    }

    /// Deletes the project, unless programs could still use its keys.
    fn delete(
        &self,
        if_match: Option<&IfMatch<Project>>,
        usable_keys: u64,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<NewAuditEvent, DomainError<ProjectChangeError>> {
        if !caller.identity.tenant_scope.includes(self.tenant_id) {
            return Err(DomainError::rejected(no_project_with_id(self.id)));
        }
        PreconditionFailed::check(if_match, &self.clone().into_project()).map_err(DomainError::rejected)?;
        match usable_keys {
            0 => Ok(self.event(ServiceAction::ProjectDeleted, caller, now)),
            1 => Err(DomainError::rejected(Conflict(
                "the project has 1 usable API key; revoke it first".to_owned(),
            ))),
            _ => Err(DomainError::rejected(Conflict(format!(
                "the project has {usable_keys} usable API keys; revoke them first"
            )))),
        }
    }
}

/// The error for a missing project. The project of a foreign tenant gets the same one.
fn no_project_with_id(id: ProjectId) -> NotFound {
    NotFound(format!("no project has the id {id}"))
}

impl<S: Store> Registry<S> {
    /// Creates a project, whatever the status of the tenant.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`Conflict`] if the tenant has a project with the slug.
    pub async fn project_create(
        &self,
        body: ProjectCreate,
        caller: &Caller,
    ) -> Result<Project, DomainError<ProjectCreateError>> {
        let tenant_id: TenantId = body.tenant_id;
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        let now = self.clock.now();
        let project = ProjectRecord::new(self.clock.new_id(now).into(), body, now);
        let event = project.event(ServiceAction::ProjectCreated, caller, now);
        let event = caller.with_response(event, &project.clone().into_project())?;
        let slug = project.slug.clone();
        match self.store.project_create(project, event).await? {
            ProjectCreated::Created(project) => Ok(project.into_project()),
            ProjectCreated::SlugInUse => Err(DomainError::rejected(Conflict(format!(
                "the tenant has a project with the slug `{slug}`; choose another"
            )))),
            ProjectCreated::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
        }
    }

    /// Returns the project with this id.
    ///
    /// # Errors
    /// [`NotFound`] if there is none.
    pub async fn project_get(
        &self,
        id: ProjectId,
        tenant_scope: TenantScope,
    ) -> Result<Project, DomainError<NotFound>> {
        match self.store.project_get(id).await? {
            Some(project) if tenant_scope.includes(project.tenant_id) => Ok(project.into_project()),
            Some(_) | None => Err(DomainError::rejected(no_project_with_id(id))),
        }
    }

    /// Deletes a project. Its keys, none of which is usable, remain without a project.
    ///
    /// # Errors
    /// - [`NotFound`] if the project does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it has usable keys.
    pub async fn project_delete(
        &self,
        id: ProjectId,
        if_match: Option<IfMatch<Project>>,
        caller: &Caller,
    ) -> Result<(), DomainError<ProjectChangeError>> {
        let now = self.clock.now();
        let deleted = self
            .store
            .project_delete(id, now, |project: &ProjectRecord, usable_keys: u64| {
                project.delete(if_match.as_ref(), usable_keys, caller, now)
            })
            .await?;
        match deleted {
            Deleted::Deleted => Ok(()),
            Deleted::Rejected(error) => Err(error),
            Deleted::NotFound => Err(DomainError::rejected(no_project_with_id(id))),
        }
    }
}
