//! Conversions between rows of `api_keys` and records.

use crate::api_key_hash::{StoredDigest, StoredHash};
use crate::records::ApiKeyRecord;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{corrupt_row, optional};
use crate::store::postgres::schema::api_keys;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use tenant_registry_contract::types::{ApiKeyId, ConstraintError, ProjectId, StoredText};
use uuid::Uuid;

/// A row of `api_keys`.
#[derive(AsChangeset, Identifiable, Insertable, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(Pg), treat_none_as_null = true)]
pub(super) struct ApiKeyRow {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    project_id: Option<Uuid>,
    product: Option<String>,
    name: String,
    // The elements are never NULL because of a CHECK, which diesel does not know.
    scopes: Vec<Option<String>>,
    pub(super) prefix: String,
    hash: String,
    created_by: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    rotated_to: Option<Uuid>,
    rotated_from: Option<Uuid>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    digest: Option<String>,
}

impl From<ApiKeyRecord> for ApiKeyRow {
    fn from(record: ApiKeyRecord) -> Self {
        let ApiKeyRecord {
            id,
            tenant_id,
            project_id,
            product,
            name,
            scopes,
            prefix,
            hash,
            created_by,
            expires_at,
            rotated_to,
            rotated_from,
            last_used_at,
            revoked_at,
            created_at,
            digest,
        } = record;
        Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            project_id: project_id.map(Uuid::from),
            product: product.map(String::from),
            name: name.into(),
            scopes: scopes.into_iter().map(|scope| Some(scope.into())).collect(),
            prefix: prefix.into(),
            hash: hash.to_stored().to_owned(),
            created_by: created_by.map(String::from),
            expires_at: expires_at.map(DateTime::from),
            rotated_to: rotated_to.map(Uuid::from),
            rotated_from: rotated_from.map(Uuid::from),
            last_used_at: last_used_at.map(DateTime::from),
            revoked_at: revoked_at.map(DateTime::from),
            created_at: created_at.into(),
            digest: digest.map(|digest| digest.to_stored().to_owned()),
        }
    }
}

impl ApiKeyRow {
    pub(super) fn into_record(self) -> Result<ApiKeyRecord, DbError> {
        let id = self.id;
        self.try_into().map_err(corrupt_row("api_keys", id))
    }
}

impl TryFrom<ApiKeyRow> for ApiKeyRecord {
    type Error = ConstraintError;

    fn try_from(row: ApiKeyRow) -> Result<Self, ConstraintError> {
        let ApiKeyRow {
            id,
            tenant_id,
            project_id,
            product,
            name,
            scopes,
            prefix,
            hash,
            created_by,
            expires_at,
            rotated_to,
            rotated_from,
            last_used_at,
            revoked_at,
            created_at,
            digest,
        } = row;
        Ok(Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            project_id: project_id.map(ProjectId::from),
            product: product.map(StoredText::from),
            name: name.try_into()?,
            scopes: scopes.into_iter().flatten().map(StoredText::from).collect(),
            prefix: prefix.try_into()?,
            hash: StoredHash::from_stored(hash),
            created_by: created_by.map(StoredText::from),
            expires_at: optional(expires_at)?,
            rotated_to: rotated_to.map(ApiKeyId::from),
            rotated_from: rotated_from.map(ApiKeyId::from),
            last_used_at: optional(last_used_at)?,
            revoked_at: optional(revoked_at)?,
            created_at: created_at.try_into()?,
            digest: digest.map(StoredDigest::from_stored),
        })
    }
}
