//! API keys in Postgres.

use super::PostgresStore;
use super::audit::append;
use super::fault::{DbError, violates};
use super::schema::api_keys;
use super::stored::{corrupt_row, optional};
use super::tenants::exists;
use super::transaction::Finish;
use crate::api_key_hash::StoredHash;
use crate::records::{ApiKeyRecord, Decision, NewAuditEvent};
use crate::store::{ApiKeyStore, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, Changed, StoreError};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPrefix, ConstraintError, Scope, TenantId};
use uuid::Uuid;

/// Keys whose last use one statement writes: few enough that it holds their locks for some milliseconds.
const USES_AT_ONCE: usize = 1_000;

/// A row of `api_keys`.
#[derive(AsChangeset, Identifiable, Insertable, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(Pg), treat_none_as_null = true)]
pub(super) struct ApiKeyRow {
    id: Uuid,
    pub(super) tenant_id: Uuid,
    product: Option<String>,
    name: String,
    // A CHECK keeps NULL out, which diesel cannot know.
    scopes: Vec<Option<String>>,
    pub(super) prefix: String,
    hash: String,
    created_by: Option<String>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<ApiKeyRecord> for ApiKeyRow {
    fn from(record: ApiKeyRecord) -> Self {
        let ApiKeyRecord {
            id,
            tenant_id,
            product,
            name,
            scopes,
            prefix,
            hash,
            created_by,
            last_used_at,
            revoked_at,
            created_at,
        } = record;
        Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            product: product.map(String::from),
            name: name.into(),
            scopes: scopes.into_iter().map(|scope| Some(scope.into())).collect(),
            prefix: prefix.into(),
            hash: hash.to_stored().to_owned(),
            created_by: created_by.map(String::from),
            last_used_at,
            revoked_at,
            created_at,
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
            product,
            name,
            scopes,
            prefix,
            hash,
            created_by,
            last_used_at,
            revoked_at,
            created_at,
        } = row;
        let scopes: Result<_, _> = scopes.into_iter().flatten().map(Scope::try_from).collect();
        Ok(Self {
            id: id.into(),
            tenant_id: tenant_id.into(),
            product: optional(product)?,
            name: name.try_into()?,
            scopes: scopes?,
            prefix: prefix.try_into()?,
            hash: StoredHash::from_stored(hash),
            created_by: optional(created_by)?,
            last_used_at,
            revoked_at,
            created_at,
        })
    }
}

impl ApiKeyStore for PostgresStore {
    async fn api_key_list(&self, tenant_id: TenantId) -> Result<Option<Vec<ApiKeyRecord>>, StoreError> {
        let rows = self
            .database
            .read(async |connection: &mut AsyncPgConnection| {
                let of_tenant = api_keys::table.filter(api_keys::tenant_id.eq(Uuid::from(tenant_id)));
                let rows: Vec<ApiKeyRow> = of_tenant
                    .order((api_keys::created_at.desc(), api_keys::id.desc()))
                    .select(ApiKeyRow::as_select())
                    .load(connection)
                    .await?;
                let is_known = !rows.is_empty() || exists(connection, tenant_id).await?;
                Ok(is_known.then_some(rows))
            })
            .await?;
        let Some(rows) = rows else {
            return Ok(None);
        };
        let records: Result<_, DbError> = rows.into_iter().map(ApiKeyRow::into_record).collect();
        Ok(Some(records?))
    }

    async fn api_key_create(&self, api_key: ApiKeyRecord, event: NewAuditEvent) -> Result<ApiKeyStored, StoreError> {
        self.database
            .write(async |connection: &mut AsyncPgConnection| {
                let inserted = diesel::insert_into(api_keys::table)
                    .values(ApiKeyRow::from(api_key.clone()))
                    .execute(connection)
                    .await;
                match inserted {
                    Ok(_) => Ok(Finish::Commit {
                        value: ApiKeyStored::Created(Box::new(api_key.clone())),
                        event: Box::new(append(connection, event.clone()).await?),
                    }),
                    Err(error) if violates(&error, "api_keys_tenant_id_fkey") => {
                        Ok(Finish::Rollback(ApiKeyStored::TenantNotFound))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn api_key_revoke<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        self.database
            .write(async |connection: &mut AsyncPgConnection| {
                let row: Option<ApiKeyRow> = api_keys::table
                    .find(Uuid::from(id))
                    .select(ApiKeyRow::as_select())
                    .for_no_key_update()
                    .first(connection)
                    .await
                    .optional()?;
                let Some(row) = row else {
                    return Ok(Finish::Rollback(Changed::NotFound));
                };
                let api_key = row.into_record()?;
                match decide(&api_key) {
                    Err(refusal) => Ok(Finish::Rollback(Changed::Rejected(refusal))),
                    Ok(Decision::Unchanged) => Ok(Finish::Rollback(Changed::Stored(api_key))),
                    Ok(Decision::Change { record, event }) => {
                        diesel::update(api_keys::table.find(Uuid::from(id)))
                            .set(ApiKeyRow::from((*record).clone()))
                            .execute(connection)
                            .await?;
                        Ok(Finish::Commit {
                            value: Changed::Stored(*record),
                            event: Box::new(append(connection, *event).await?),
                        })
                    }
                }
            })
            .await
    }

    async fn api_key_verify(&self, prefix: &ApiKeyPrefix) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        self.api_key_look_ups.find(prefix).await
    }

    async fn api_key_use(&self, uses: &[ApiKeyUse]) -> Result<(), StoreError> {
        for uses in uses.chunks(USES_AT_ONCE) {
            let ids: Vec<Uuid> = uses.iter().map(|used| used.id.into()).collect();
            let times: Vec<DateTime<Utc>> = uses.iter().map(|used| used.used_at).collect();
            self.database
                .read(async |connection: &mut AsyncPgConnection| {
                    // Locked in one order first: two replicas that write the same keys would else wait for each other. By
                    // `= ANY` the index has them in this order; sessions of ours do not sort.
                    diesel::sql_query(
                        "WITH locked AS (SELECT id FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) \
                         UPDATE api_keys SET last_used_at = used.used_at \
                         FROM unnest($1, $2) AS used (id, used_at) JOIN locked USING (id) \
                         WHERE api_keys.id = used.id \
                         AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < used.used_at)",
                    )
                    .bind::<Array<SqlUuid>, _>(&ids)
                    .bind::<Array<Timestamptz>, _>(&times)
                    .execute(connection)
                    .await
                })
                .await?;
        }
        Ok(())
    }
}
