//! Projects.

use super::MemoryStore;
use super::page::record_page;
use crate::records::{Decision, EventWithResponse, NewAuditEvent, ProjectQuery, ProjectRecord, RecordPage};
use crate::store::{Change, Changed, Deleted, ProjectCreated, ProjectStore, StoreError, decide_change};
use std::ops::ControlFlow;
use tenant_registry_contract::types::{ProjectId, Timestamp};

impl ProjectStore for MemoryStore {
    async fn project_create(
        &self,
        project: ProjectRecord,
        event: EventWithResponse,
    ) -> Result<ProjectCreated, StoreError> {
        let mut state = self.state();
        if !state.tenants.contains_key(&project.tenant_id) {
            return Ok(ProjectCreated::TenantNotFound);
        }
        let mut others = state.projects.values();
        if others.any(|other| other.tenant_id == project.tenant_id && other.slug == project.slug) {
            return Ok(ProjectCreated::SlugInUse);
        }
        state.append_event(event)?;
        state.projects.insert(project.id, project.clone());
        Ok(ProjectCreated::Created(Box::new(project)))
    }

    async fn project_get(&self, id: ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
        Ok(self.state().projects.get(&id).cloned())
    }

    async fn project_list(&self, query: ProjectQuery) -> Result<Option<RecordPage<ProjectRecord>>, StoreError> {
        let state = self.state();
        let ProjectQuery { tenant_id, page } = query;
        if !state.tenants.contains_key(&tenant_id) {
            return Ok(None);
        }
        let matching = state.projects.values();
        let matching = matching.filter(|project| project.tenant_id == tenant_id);
        Ok(Some(record_page(
            matching,
            page,
            |project| project.id.into(),
            ProjectRecord::text_bytes,
        )))
    }

    async fn project_change<E: Send>(
        &self,
        id: ProjectId,
        decide: impl Fn(&ProjectRecord) -> Result<Decision<ProjectRecord>, E> + Send + Sync,
    ) -> Result<Changed<ProjectRecord, E>, StoreError> {
        let mut state = self.state();
        match decide_change(state.projects.get(&id).cloned(), decide) {
            ControlFlow::Break(outcome) => Ok(outcome),
            ControlFlow::Continue(Change { record, event }) => {
                state.append_event(*event)?;
                state.projects.insert(id, (*record).clone());
                Ok(Changed::Stored(*record))
            }
        }
    }

    async fn project_delete<E: Send>(
        &self,
        id: ProjectId,
        now: Timestamp,
        decide: impl Fn(&ProjectRecord, u64) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        let mut state = self.state();
        let Some(project) = state.projects.get(&id) else {
            return Ok(Deleted::NotFound);
        };
        let api_keys = state.api_keys.values();
        let usable = api_keys.filter(|api_key| api_key.project_id == Some(id) && api_key.is_usable(now));
        let usable_keys = u64::try_from(usable.count()).unwrap_or(u64::MAX);
        let event = match decide(project, usable_keys) {
            Ok(event) => event,
            Err(error) => return Ok(Deleted::Rejected(error)),
        };
        state.append_event(event)?;
        state.projects.remove(&id);
        for api_key in state.api_keys.values_mut() {
            if api_key.project_id == Some(id) {
                api_key.project_id = None;
            }
        }
        Ok(Deleted::Deleted)
    }
}
