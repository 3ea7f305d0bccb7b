//! Appending to the audit log and listing it.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_with::skip_serializing_none;
use sqlx::FromRow;
use sqlx::types::Json as JsonColumn;
use std::net::{IpAddr, SocketAddr};
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;
use crate::time;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;
const MAX_USER_AGENT: usize = 1024;

macro_rules! columns {
    () => {
        "id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, \
         targets, product, metadata, source_ip, user_agent, occurred_at, created_at, origin"
    };
}

// The cast to `json` keeps the text as it was written.
const INSERT: &str = concat!(
    "INSERT INTO audit_log (tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, \
     target_name, targets, product, metadata, source_ip, user_agent, occurred_at, created_at, origin) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::json, $11, $12::json, $13, $14, $15, $16, 'caller') RETURNING ",
    columns!()
);

// The index is on `id + 0`.
const FIRST_PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit_log ORDER BY created_at DESC, id + 0 DESC LIMIT $1"
);

const NEXT_PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit_log WHERE (created_at, id + 0) < (SELECT created_at, id FROM audit_log WHERE id = $2) \
     ORDER BY created_at DESC, id + 0 DESC LIMIT $1"
);

#[skip_serializing_none]
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    id: String,
    r#type: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    tenant_id: Option<Uuid>,
    project_id: Option<Uuid>,
    actor_id: Option<String>,
    actor_name: Option<String>,
    actor_type: Option<String>,
    action: String,
    target_id: Option<String>,
    target_type: Option<String>,
    target_name: Option<String>,
    targets: Option<Vec<Target>>,
    product: Option<String>,
    metadata: Option<Box<RawValue>>,
    occurred_at: Option<DateTime<Utc>>,
}

#[skip_serializing_none]
#[derive(FromRow, Serialize)]
pub struct Event {
    id: i64,
    tenant_id: Option<Uuid>,
    project_id: Option<Uuid>,
    actor_id: Option<String>,
    actor_name: Option<String>,
    actor_type: Option<String>,
    action: String,
    target_id: Option<String>,
    target_type: Option<String>,
    target_name: Option<String>,
    targets: Option<JsonColumn<Vec<Target>>>,
    product: Option<String>,
    metadata: Option<JsonColumn<Box<RawValue>>>,
    source_ip: Option<IpAddr>,
    user_agent: Option<String>,
    #[serde(serialize_with = "time::option::serialize")]
    occurred_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::serialize")]
    created_at: DateTime<Utc>,
    origin: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
pub struct Page {
    items: Vec<Event>,
    next_cursor: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    limit: Option<i64>,
    cursor: Option<i64>,
}

pub async fn append(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<NewEvent>, JsonRejection>,
) -> Result<(StatusCode, Json<Event>), ApiError> {
    let Json(event) = body?;
    let user_agent: Option<String> = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.chars().take(MAX_USER_AGENT).collect());
    let inserted = sqlx::query_as(INSERT)
        .bind(event.tenant_id)
        .bind(event.project_id)
        .bind(event.actor_id)
        .bind(event.actor_name)
        .bind(event.actor_type)
        .bind(event.action)
        .bind(event.target_id)
        .bind(event.target_type)
        .bind(event.target_name)
        .bind(event.targets.map(JsonColumn))
        .bind(event.product)
        .bind(event.metadata.as_deref().map(RawValue::get))
        .bind(peer.ip())
        .bind(user_agent)
        .bind(event.occurred_at)
        .bind(Utc::now())
        .fetch_one(&app.database)
        .await;
    match inserted {
        Ok(event) => Ok((StatusCode::CREATED, Json(event))),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("audit_log_tenant_id_fkey") => {
            Err(ApiError::InvalidInput("`tenant_id`: no tenant has this id".to_owned()))
        }
        Err(sqlx::Error::Database(error)) if error.is_check_violation() => {
            Err(ApiError::InvalidInput(error.message().to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn list(
    State(app): State<App>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    let Query(ListParams { limit, cursor }) = params?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::InvalidInput(format!(
            "`limit`: must be from 1 to {MAX_LIMIT}"
        )));
    }
    // One more, to see whether there is another page.
    let query = match cursor {
        None => sqlx::query_as(FIRST_PAGE).bind(limit + 1),
        Some(cursor) => sqlx::query_as(NEXT_PAGE).bind(limit + 1).bind(cursor),
    };
    let mut items: Vec<Event> = query.fetch_all(&app.database).await?;
    let has_more = items.len() as i64 > limit;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| has_more).map(|event| event.id);
    Ok(Json(Page { items, next_cursor }))
}
