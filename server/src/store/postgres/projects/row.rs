//! Conversions between rows of `projects` and records.

use crate::records::ProjectRecord;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::corrupt_row;
use crate::store::postgres::schema::projects;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use tenant_registry_contract::types::{ConstraintError, StoredText};
use uuid::Uuid;

/// A row of `projects`.
#[derive(AsChangeset, Identifiable, Insertable, Queryable, Selectable)]
#[diesel(table_name = projects, check_for_backend(Pg), treat_none_as_null = true)]
pub(super) struct ProjectRow {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    slug: String,
    name: String,
    description: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ProjectRecord> for ProjectRow {
    fn from(record: ProjectRecord) -> Self {
        let ProjectRecord {
            id,
            tenant_id,
            slug,
            name,
            description,
            created_at,
            updated_at,
        } = record;
        Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            slug: slug.into(),
            name: name.into(),
            description: description.map(String::from),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

impl ProjectRow {
    pub(super) fn into_record(self) -> Result<ProjectRecord, DbError> {
        let id = self.id;
        self.try_into().map_err(corrupt_row("projects", id))
    }
}

impl TryFrom<ProjectRow> for ProjectRecord {
    type Error = ConstraintError;

    fn try_from(row: ProjectRow) -> Result<Self, ConstraintError> {
        let ProjectRow {
            id,
            tenant_id,
            slug,
            name,
            description,
            created_at,
            updated_at,
        } = row;
        Ok(Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            slug: slug.try_into()?,
            name: name.try_into()?,
            description: description.map(StoredText::from),
            created_at: created_at.try_into()?,
            updated_at: updated_at.try_into()?,
        })
    }
}
