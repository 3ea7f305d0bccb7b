//! What `api_key_verify` asks of the database: keys by their prefix. The look-ups of many callers share a statement; each
//! begins after its caller asked, so that none of them shows what was before.

use super::api_keys::ApiKeyRow;
use super::batches::{Asker, Batches, Waiting};
use super::database::Database;
use super::fault::DbError;
use super::schema::{api_keys, tenants};
use super::span::in_span;
use super::stored::corrupt_row;
use crate::store::{ApiKeyWithTenant, StoreError};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use tenant_registry_contract::types::{ApiKeyPrefix, TenantStatus};

/// Prefixes of one statement.
const MOST_AT_ONCE: usize = 256;

/// Looks up keys.
pub(super) struct ApiKeyLookUps(Batches<ApiKeyPrefix, Vec<ApiKeyWithTenant>>);

/// A key, and what decides whether its tenant is in service.
type KeyAndTenant = (ApiKeyRow, String, Option<DateTime<Utc>>);

impl ApiKeyLookUps {
    /// Starts to look up, with `at_once` statements at the same time, until the value is dropped. Needs a runtime.
    pub(super) fn start(database: &Arc<Database>, at_once: usize) -> Self {
        let database = Arc::clone(database);
        Self(Batches::start(at_once, MOST_AT_ONCE, move |waiting| {
            answer(Arc::clone(&database), waiting)
        }))
    }

    /// All keys with this prefix.
    pub(super) async fn find(&self, prefix: &ApiKeyPrefix) -> Result<Vec<ApiKeyWithTenant>, StoreError> {
        // A look-up that was cut off changed nothing.
        in_span("look_up", pin!(self.0.ask(prefix.clone(), DbError::Unavailable))).await
    }
}

async fn answer(database: Arc<Database>, waiting: Vec<Waiting<ApiKeyPrefix, Vec<ApiKeyWithTenant>>>) {
    let mut askers: HashMap<ApiKeyPrefix, Vec<Asker<_>>> = HashMap::with_capacity(waiting.len());
    for (prefix, asker) in waiting.into_iter().map(Waiting::into_parts) {
        askers.entry(prefix).or_default().push(asker);
    }
    match rows(&database, askers.keys()).await {
        Ok(mut rows) => {
            for (prefix, askers) in askers {
                let of_prefix = rows.remove(prefix.as_str()).unwrap_or_default();
                let found: Result<Vec<_>, DbError> = of_prefix.into_iter().map(with_tenant).collect();
                // A row that cannot be read is the trouble of its prefix alone.
                tell(askers, found.map_err(StoreError::from));
            }
        }
        Err(error) => {
            for askers in askers.into_values() {
                tell(askers, Err(error.clone()));
            }
        }
    }
}

fn tell(mut askers: Vec<Asker<Vec<ApiKeyWithTenant>>>, found: Result<Vec<ApiKeyWithTenant>, StoreError>) {
    let last = askers.pop();
    for asker in askers {
        asker.answer(found.clone());
    }
    if let Some(asker) = last {
        asker.answer(found);
    }
}

/// The rows of these prefixes, by prefix.
async fn rows(
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

fn with_tenant((row, status, tenant_cancel_at): KeyAndTenant) -> Result<ApiKeyWithTenant, DbError> {
    let tenant_status = TenantStatus::try_from(status).map_err(corrupt_row("tenants", row.tenant_id))?;
    Ok(ApiKeyWithTenant {
        api_key: row.into_record()?,
        tenant_status,
        tenant_cancel_at,
    })
}
