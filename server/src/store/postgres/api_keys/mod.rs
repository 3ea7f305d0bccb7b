//! API keys.

mod list;
mod lookups;
mod row;

use super::ScopedPostgresStore;
use super::error::{DbError, violates};
use super::page::{SelectPage, record_page, start};
use super::schema::api_keys;
use super::transaction::Finish;
use crate::api_key_hash::StoredDigest;
use crate::records::{ApiKeyQuery, ApiKeyRecord, Decision, EventWithResponse, RecordPage};
use crate::store::{
    ApiKeyLookup, ApiKeyRotation, ApiKeyStore, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, Change, Changed, StoreError,
    TenantStore, decide_change,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use list::ListApiKeys;
use row::ApiKeyRow;
use std::ops::ControlFlow;
use tenant_registry_contract::types::ApiKeyId;
use uuid::Uuid;

/// Number of keys whose last use one statement writes. Few enough that it holds their locks only for milliseconds.
const USES_PER_STATEMENT: usize = 1_000;

/// Reads and locks an API key.
async fn lock_api_key_in_transaction(
    mut connection: &AsyncPgConnection,
    id: ApiKeyId,
) -> Result<Option<ApiKeyRecord>, DbError> {
    let row: Option<ApiKeyRow> = api_keys::table
        .find(Uuid::from(id))
        .select(ApiKeyRow::as_select())
        .for_no_key_update()
        .first(&mut connection)
        .await
        .optional()?;
    row.map(ApiKeyRow::into_record).transpose()
}

/// Writes an API key that this transaction has locked.
async fn update_api_key_in_transaction(mut connection: &AsyncPgConnection, api_key: ApiKeyRecord) -> QueryResult<()> {
    diesel::update(api_keys::table.find(Uuid::from(api_key.id)))
        .set(ApiKeyRow::from(api_key))
        .execute(&mut connection)
        .await?;
    Ok(())
}

impl ApiKeyStore for ScopedPostgresStore {
    async fn api_key_list(&self, query: ApiKeyQuery) -> Result<Option<RecordPage<ApiKeyRecord>>, StoreError> {
        let statement = SelectPage::new(ListApiKeys::new(&query, self.database.bounds), query.page);
        let rows: Vec<(ApiKeyRow, bool, bool, bool)> = self
            .database
            .read_page(start(query.page), async |mut connection: &AsyncPgConnection| {
                (&statement).load(&mut connection).await
            })
            .await?;
        if rows.is_empty() && self.tenant_get(query.tenant_id).await?.is_none() {
            return Ok(None);
        }
        let id = |row: &ApiKeyRow| row.id;
        Ok(Some(record_page(rows, query.page.limit, id, ApiKeyRow::into_record)?))
    }

    async fn api_key_get(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let row = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let row = api_keys::table.find(Uuid::from(id)).select(ApiKeyRow::as_select());
                row.first(&mut connection).await.optional()
            })
            .await?;
        Ok(row.map(ApiKeyRow::into_record).transpose()?)
    }

    async fn api_key_create(
        &self,
        api_key: ApiKeyRecord,
        event: EventWithResponse,
    ) -> Result<ApiKeyStored, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let inserted = diesel::insert_into(api_keys::table)
                    .values(ApiKeyRow::from(api_key.clone()))
                    .execute(&mut connection)
                    .await;
                match inserted {
                    Ok(_) => {
                        let created = ApiKeyStored::Created(Box::new(api_key.clone()));
                        Finish::commit_with_event(connection, created, event.clone()).await
                    }
                    Err(error) if violates(&error, "api_keys_tenant_id_fkey") => {
                        Ok(Finish::Rollback(ApiKeyStored::TenantNotFound))
                    }
                    Err(error) if violates(&error, "api_keys_project_id_fkey") => {
                        Ok(Finish::Rollback(ApiKeyStored::ProjectNotFound))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn api_key_rotate<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<ApiKeyRotation, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        self.database
            .transaction(async |mut connection: &AsyncPgConnection| {
                let Some(current) = lock_api_key_in_transaction(connection, id).await? else {
                    return Ok(Finish::Rollback(Changed::NotFound));
                };
                let ApiKeyRotation {
                    rotated,
                    successor,
                    event,
                } = match decide(&current) {
                    Ok(rotation) => rotation,
                    Err(error) => return Ok(Finish::Rollback(Changed::Rejected(error))),
                };
                diesel::insert_into(api_keys::table)
                    .values(ApiKeyRow::from(successor.clone()))
                    .execute(&mut connection)
                    .await?;
                update_api_key_in_transaction(connection, rotated).await?;
                Finish::commit_with_event(connection, Changed::Stored(successor), event).await
            })
            .await
    }

    async fn api_key_change<E: Send>(
        &self,
        id: ApiKeyId,
        decide: impl Fn(&ApiKeyRecord) -> Result<Decision<ApiKeyRecord>, E> + Send + Sync,
    ) -> Result<Changed<ApiKeyRecord, E>, StoreError> {
        self.database
            .transaction(async |connection: &AsyncPgConnection| {
                let current = lock_api_key_in_transaction(connection, id).await?;
                match decide_change(current, &decide) {
                    ControlFlow::Break(outcome) => Ok(Finish::Rollback(outcome)),
                    ControlFlow::Continue(Change { record, event }) => {
                        update_api_key_in_transaction(connection, (*record).clone()).await?;
                        Finish::commit_with_event(connection, Changed::Stored(*record), *event).await
                    }
                }
            })
            .await
    }

    async fn api_key_verify(&self, lookup: ApiKeyLookup) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        self.batched.api_key_lookups.find(&self.database, lookup).await
    }

    async fn api_key_use(&self, uses: &[ApiKeyUse]) -> Result<(), StoreError> {
        for uses in uses.chunks(USES_PER_STATEMENT) {
            let ids: Vec<Uuid> = uses.iter().map(|used| used.id.into()).collect();
            let times: Vec<DateTime<Utc>> = uses.iter().map(|used| used.used_at.into()).collect();
            let digests: Vec<Option<&str>> = uses
                .iter()
                .map(|used| used.digest.as_ref().map(StoredDigest::to_stored))
                .collect();
            self.database
                .write_idempotent(async |mut connection: &AsyncPgConnection| {
                    // Locks the rows in one order first, so that two replicas that write the same keys do not deadlock.
                    // With `= ANY` the index returns them in this order; the sessions of the service do not sort.
                    diesel::sql_query(
                        "WITH locked AS (SELECT id FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) \
                         UPDATE api_keys SET last_used_at = GREATEST(api_keys.last_used_at, used.used_at), \
                         digest = COALESCE(used.digest, api_keys.digest) \
                         FROM unnest($1, $2, $3) AS used (id, used_at, digest) JOIN locked USING (id) \
                         WHERE api_keys.id = used.id AND (api_keys.last_used_at IS NULL \
                         OR api_keys.last_used_at < used.used_at OR used.digest IS NOT NULL)",
                    )
                    .bind::<Array<SqlUuid>, _>(&ids)
                    .bind::<Array<Timestamptz>, _>(&times)
                    .bind::<Array<Nullable<Text>>, _>(&digests)
                    .execute(&mut connection)
                    .await
                })
                .await?;
        }
        Ok(())
    }
}
