//! The rules of projects: creating, reading, listing, updating and deleting them.

use super::Registry;
use super::caller::Caller;
use super::changes::Changes;
use super::cursor::{FilteredList, Page};
use super::error::{
    Conflict, DomainError, ListError, NotFound, PreconditionFailed, ProjectCreateError, ProjectDeleteError,
    ProjectUpdateError,
};
use super::service_event::{ServiceAction, ServiceEvent};
use crate::records::{Decision, NewAuditEvent, ProjectQuery, ProjectRecord, TenantScope, stored};
use crate::store::{Changed, Deleted, ProjectCreated, ProjectStore, Store};
use serde_json::{Map, Value};
use tenant_registry_contract::server::{IfMatch, ProjectListParams};
use tenant_registry_contract::types::{
    Project, ProjectCreate, ProjectId, ProjectPage, ProjectUpdate, TenantId, Text, Timestamp,
};
use uuid::Uuid;

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
        self.event_with(Map::new(), action, caller, now)
    }

    /// An audit event about the project, with more metadata.
    fn event_with(
        &self,
        mut metadata: Map<String, Value>,
        action: ServiceAction,
        caller: &Caller,
        now: Timestamp,
    ) -> NewAuditEvent {
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

    /// Changes the members that `body` contains. The texts may be personal data, so the event has only their names.
    fn update(
        &self,
        if_match: Option<&IfMatch<Project>>,
        body: &ProjectUpdate,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Decision<Self>, ProjectUpdateError> {
        if !caller.identity.tenant_scope.includes(self.tenant_id) {
            return Err(no_project_with_id(self.id).into());
        }
        PreconditionFailed::check(if_match, &self.clone().into_project())?;
        let ProjectUpdate { name, description } = body.clone();
        let mut updated = Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            description: description.map(stored::<Text>).apply(self.description.clone()),
            ..self.clone()
        };
        let mut changes = Changes::default();
        changes.compare_privately("name", &self.name, &updated.name);
        changes.compare_privately("description", &self.description, &updated.description);
        let Some(metadata) = changes.into_metadata() else {
            return Ok(Decision::Unchanged);
        };
        updated.updated_at = now;
        let event = updated.event_with(metadata, ServiceAction::ProjectUpdated, caller, now);
        Ok(Decision::change(updated, event))
    }

    /// Deletes the project, unless programs could still use its keys.
    fn delete(
        &self,
        if_match: Option<&IfMatch<Project>>,
        usable_keys: u64,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<NewAuditEvent, DomainError<ProjectDeleteError>> {
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
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .project_create(project, event)
            .await?
        {
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
        match self.store.scoped(tenant_scope).project_get(id).await? {
            Some(project) if tenant_scope.includes(project.tenant_id) => Ok(project.into_project()),
            Some(_) | None => Err(DomainError::rejected(no_project_with_id(id))),
        }
    }

    /// Lists a page of the projects of a tenant, newest first.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`InvalidInput`](super::error::InvalidInput) if the cursor belongs to another list or to another tenant.
    pub async fn project_list(
        &self,
        params: ProjectListParams,
        tenant_scope: TenantScope,
    ) -> Result<ProjectPage, DomainError<ListError>> {
        let ProjectListParams {
            tenant_id,
            limit,
            cursor,
        } = params;
        tenant_scope.require(tenant_id).map_err(DomainError::rejected)?;
        let list = FilteredList::new("project_list", &[("tenant_id", Some(tenant_id.to_string()))]);
        let page = list
            .query(limit, cursor.as_ref(), ProjectPage::MAX_BYTES)
            .map_err(DomainError::rejected)?;
        let Some(found) = self
            .store
            .scoped(tenant_scope)
            .project_list(ProjectQuery { tenant_id, page })
            .await?
        else {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        };
        let id = |project: &ProjectRecord| Uuid::from(project.id);
        let Page { items, next_cursor } = list.page(found, ProjectPage::MAX_BYTES, id, ProjectRecord::into_project)?;
        Ok(ProjectPage { items, next_cursor })
    }

    /// Changes the members of `body`.
    ///
    /// # Errors
    /// - [`NotFound`] if the project does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    pub async fn project_update(
        &self,
        id: ProjectId,
        if_match: Option<IfMatch<Project>>,
        body: ProjectUpdate,
        caller: &Caller,
    ) -> Result<Project, DomainError<ProjectUpdateError>> {
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .project_change(id, |project: &ProjectRecord| {
                project.update(if_match.as_ref(), &body, caller, self.clock.now())
            })
            .await?;
        match changed {
            Changed::Stored(project) | Changed::Unchanged(project) => Ok(project.into_project()),
            Changed::Rejected(error) => Err(DomainError::Rejected(error)),
            Changed::NotFound => Err(DomainError::rejected(no_project_with_id(id))),
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
    ) -> Result<(), DomainError<ProjectDeleteError>> {
        let now = self.clock.now();
        let deleted = self
            .store
            .scoped(caller.identity.tenant_scope)
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
