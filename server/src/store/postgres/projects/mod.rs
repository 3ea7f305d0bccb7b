//! Projects.

mod list;
mod row;

use super::ScopedPostgresStore;
use super::error::violates;
use super::page::{SelectPage, record_page, start};
use super::schema::{api_keys, projects};
use super::transaction::Finish;
use crate::records::{Decision, EventWithResponse, NewAuditEvent, ProjectQuery, ProjectRecord, RecordPage};
use crate::store::{Change, Changed, Deleted, ProjectCreated, ProjectStore, StoreError, TenantStore, decide_change};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::ListProjects;
use row::ProjectRow;
use std::ops::ControlFlow;
use tenant_registry_contract::types::{ProjectId, Timestamp};
use uuid::Uuid;

impl ProjectStore for ScopedPostgresStore {
    async fn project_create(
        &self,
        project: ProjectRecord,
        event: EventWithResponse,
    ) -> Result<ProjectCreated, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let inserted = diesel::insert_into(projects::table)
                    .values(ProjectRow::from(project.clone()))
                    .execute(&mut connection)
                    .await;
                match inserted {
                    Ok(_) => {
                        let created = ProjectCreated::Created(Box::new(project.clone()));
                        Finish::commit_with_event(connection, created, event.clone()).await
                    }
                    Err(error) if violates(&error, "projects_tenant_id_slug_key") => {
                        Ok(Finish::Rollback(ProjectCreated::SlugInUse))
                    }
                    Err(error) if violates(&error, "projects_tenant_id_fkey") => {
                        Ok(Finish::Rollback(ProjectCreated::TenantNotFound))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn project_get(&self, id: ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
        let row = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let row = projects::table.find(Uuid::from(id)).select(ProjectRow::as_select());
                row.first(&mut connection).await.optional()
            })
            .await?;
        Ok(row.map(ProjectRow::into_record).transpose()?)
    }

    async fn project_list(&self, query: ProjectQuery) -> Result<Option<RecordPage<ProjectRecord>>, StoreError> {
        let ProjectQuery { tenant_id, page } = query;
        let statement = SelectPage::new(ListProjects::new(tenant_id), page);
        let rows: Vec<(ProjectRow, bool, bool, bool)> = self
            .database
            .read_page(start(page), async |mut connection: &AsyncPgConnection| {
                (&statement).load(&mut connection).await
            })
            .await?;
        if rows.is_empty() && self.tenant_get(tenant_id).await?.is_none() {
            return Ok(None);
        }
        let id = |row: &ProjectRow| row.id;
        Ok(Some(record_page(rows, page.limit, id, ProjectRow::into_record)?))
    }

    async fn project_change<E: Send>(
        &self,
        id: ProjectId,
        decide: impl Fn(&ProjectRecord) -> Result<Decision<ProjectRecord>, E> + Send + Sync,
    ) -> Result<Changed<ProjectRecord, E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let row: Option<ProjectRow> = projects::table
                    .find(Uuid::from(id))
                    .select(ProjectRow::as_select())
                    .for_no_key_update()
                    .first(&mut connection)
                    .await
                    .optional()?;
                let current = row.map(ProjectRow::into_record).transpose()?;
                match decide_change(current, &decide) {
                    ControlFlow::Break(outcome) => Ok(Finish::Rollback(outcome)),
                    ControlFlow::Continue(Change { record, event }) => {
                        diesel::update(projects::table.find(Uuid::from(id)))
                            .set(ProjectRow::from((*record).clone()))
                            .execute(&mut connection)
                            .await?;
                        Finish::commit_with_event(connection, Changed::Stored(*record), *event).await
                    }
                }
            })
            .await
    }

    async fn project_delete<E: Send>(
        &self,
        id: ProjectId,
        now: Timestamp,
        decide: impl Fn(&ProjectRecord, u64) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                // Waits for the transactions that create keys of the project. Later ones find no project.
                let row: Option<ProjectRow> = projects::table
                    .find(Uuid::from(id))
                    .select(ProjectRow::as_select())
                    .for_update()
                    .first(&mut connection)
                    .await
                    .optional()?;
                let Some(project) = row.map(ProjectRow::into_record).transpose()? else {
                    return Ok(Finish::Rollback(Deleted::NotFound));
                };
                let usable_keys: i64 = api_keys::table
                    .filter(api_keys::project_id.eq(Uuid::from(id)))
                    .filter(api_keys::revoked_at.is_null())
                    .filter(
                        api_keys::expires_at
                            .is_null()
                            .or(api_keys::expires_at.gt(DateTime::<Utc>::from(now))),
                    )
                    .count()
                    .get_result(&mut connection)
                    .await?;
                let event = match decide(&project, usable_keys.unsigned_abs()) {
                    Ok(event) => event,
                    Err(error) => return Ok(Finish::Rollback(Deleted::Rejected(error))),
                };
                // The foreign key of the other keys becomes NULL.
                diesel::delete(projects::table.find(Uuid::from(id)))
                    .execute(&mut connection)
                    .await?;
                Finish::commit_with_event(connection, Deleted::Deleted, event).await
            })
            .await
    }
}
