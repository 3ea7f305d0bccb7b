//! Lookups of API keys by prefix. The lookups of many callers share a statement. It begins after all of them arrived, so
//! none of them returns data from before its request.

use super::row::ApiKeyRow;
use crate::store::postgres::batches::{BatchedRequest, Batches, Responder};
use crate::store::postgres::connection::Database;
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{corrupt_row, optional};
use crate::store::postgres::schema::{api_keys, tenants};
use crate::store::postgres::span::in_span;
use crate::store::{ApiKeyWithTenant, StoreError};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use tenant_registry_contract::types::{ApiKeyPrefix, TenantStatus};

/// Maximum number of lookups that share a statement.
const STATEMENT_MAX_LOOKUPS: usize = 256;

/// Looks up API keys.
pub(in crate::store::postgres) struct ApiKeyLookups(Batches<ApiKeyPrefix, Vec<ApiKeyWithTenant>>);

/// A key with the status and the pending cancellation of its tenant.
type KeyAndTenant = (ApiKeyRow, String, Option<DateTime<Utc>>);

impl ApiKeyLookups {
    /// Starts the tasks that look up keys, each with one statement at a time. They end when the value is dropped.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(in crate::store::postgres) fn start(database: &Arc<Database>, tasks: usize) -> Self {
        let database = Arc::clone(database);
        Self(Batches::start(tasks, STATEMENT_MAX_LOOKUPS, move |batch| {
            look_up(Arc::clone(&database), batch)
        }))
    }

    /// Returns all keys with this prefix.
    pub(in crate::store::postgres) async fn find(
        &self,
        prefix: &ApiKeyPrefix,
    ) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        // A lookup that is lost changed nothing.
        in_span("look_up", pin!(self.0.submit(prefix.clone(), DbError::Unavailable))).await
    }
}

async fn look_up(database: Arc<Database>, batch: Vec<BatchedRequest<ApiKeyPrefix, Vec<ApiKeyWithTenant>>>) {
    let mut responders: HashMap<ApiKeyPrefix, Vec<Responder<_>>> = HashMap::with_capacity(batch.len());
    for (prefix, responder) in batch.into_iter().map(BatchedRequest::into_parts) {
        responders.entry(prefix).or_default().push(responder);
    }
    match rows_by_prefix(&database, responders.keys()).await {
        Ok(mut rows) => {
            for (prefix, responders) in responders {
                let rows = rows.remove(prefix.as_str()).unwrap_or_default();
                // A corrupt row fails only the lookups of its prefix.
                let found: Result<Vec<_>, DbError> = rows.into_iter().map(into_record).collect();
                respond_to_all(responders, found.map_err(StoreError::from));
            }
        }
        Err(error) => {
            for responders in responders.into_values() {
                respond_to_all(responders, Err(error.clone()));
            }
        }
    }
}

fn respond_to_all(
    mut responders: Vec<Responder<Vec<ApiKeyWithTenant>>>,
    found: Result<Vec<ApiKeyWithTenant>, StoreError>,
) {
    let last = responders.pop();
    for responder in responders {
        responder.respond(found.clone());
    }
    if let Some(responder) = last {
        responder.respond(found);
    }
}

async fn rows_by_prefix(
    database: &Database,
    prefixes: impl Iterator<Item = &ApiKeyPrefix>,
) -> Result<HashMap<String, Vec<KeyAndTenant>>, StoreError> {
    let prefixes: Vec<&str> = prefixes.map(ApiKeyPrefix::as_str).collect();
    let rows = database
        .look_up(async |mut connection: &AsyncPgConnection| {
            let with_prefix = api_keys::table
                .inner_join(tenants::table)
                .filter(api_keys::prefix.eq_any(&prefixes));
            with_prefix
                .select((ApiKeyRow::as_select(), tenants::status, tenants::cancel_at))
                .load::<KeyAndTenant>(&mut connection)
                .await
        })
        .await?;
    let mut by_prefix: HashMap<String, Vec<KeyAndTenant>> = HashMap::with_capacity(prefixes.len());
    for row in rows {
        by_prefix.entry(row.0.prefix.clone()).or_default().push(row);
    }
    Ok(by_prefix)
}

fn into_record((row, status, tenant_cancel_at): KeyAndTenant) -> Result<ApiKeyWithTenant, DbError> {
    let tenant_id = row.tenant_id;
    let tenant_status = TenantStatus::try_from(status).map_err(corrupt_row("tenants", tenant_id))?;
    let tenant_cancel_at = optional(tenant_cancel_at).map_err(corrupt_row("tenants", tenant_id))?;
    Ok(ApiKeyWithTenant {
        api_key: row.into_record()?,
        tenant_status,
        tenant_cancel_at,
    })
}
