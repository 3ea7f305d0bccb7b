//! Reading a tenant.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;
use crate::time;

const BY_ID: &str = "\
    SELECT id, slug, name, status, kind, plan, erp_customer_id, stripe_cust_id, trial_ends_at, contract_start, \
    contract_end, cancel_at, sales_owner, created_at, updated_at \
    FROM tenants WHERE id = $1";

#[derive(FromRow, Serialize)]
pub struct Tenant {
    id: Uuid,
    slug: String,
    name: String,
    status: String,
    kind: String,
    plan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    erp_customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_cust_id: Option<String>,
    #[serde(serialize_with = "time::option::serialize")]
    trial_ends_at: Option<DateTime<Utc>>,
    contract_start: Option<NaiveDate>,
    contract_end: Option<NaiveDate>,
    #[serde(serialize_with = "time::option::serialize")]
    cancel_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sales_owner: Option<String>,
    #[serde(serialize_with = "time::serialize")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "time::serialize")]
    updated_at: DateTime<Utc>,
}

/// Whether a pending cancellation has taken effect.
pub fn is_cancelled(cancel_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    cancel_at.is_some_and(|cancel_at| cancel_at <= now)
}

pub async fn get(State(app): State<App>, id: Result<Path<Uuid>, PathRejection>) -> Result<Json<Tenant>, ApiError> {
    let Path(id) = id?;
    let tenant: Option<Tenant> = sqlx::query_as(BY_ID).bind(id).fetch_optional(&app.database).await?;
    let mut tenant = tenant.ok_or_else(|| ApiError::NotFound(format!("no tenant has the id {id}")))?;
    if is_cancelled(tenant.cancel_at, Utc::now()) {
        tenant.cancel_at = None;
        if tenant.status != "archived" {
            tenant.status = "frozen".to_owned();
        }
    }
    Ok(Json(tenant))
}
