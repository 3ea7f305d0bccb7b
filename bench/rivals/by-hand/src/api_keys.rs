//! Verifying API keys.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use sqlx::FromRow;
use thiserror::Error;
use tracing::error;
use uuid::Uuid;

use crate::App;
use crate::hashes::HashError;
use crate::tenants::is_cancelled;
use crate::time;

const MARK: &str = "bp_";
const KEY_CHARACTERS: usize = 25;
const PREFIX_CHARACTERS: usize = 11;

const BY_PREFIX: &str = "\
    SELECT api_keys.id, tenant_id, project_id, product, scopes, hash, revoked_at, expires_at, status, cancel_at \
    FROM api_keys JOIN tenants ON tenants.id = api_keys.tenant_id \
    WHERE prefix = $1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    key: String,
}

#[skip_serializing_none]
#[derive(Default, Serialize)]
pub struct Verification {
    valid: bool,
    reason: Option<&'static str>,
    api_key_id: Option<Uuid>,
    tenant_id: Option<Uuid>,
    project_id: Option<Uuid>,
    product: Option<String>,
    scopes: Option<Vec<String>>,
    #[serde(serialize_with = "time::option::serialize")]
    expires_at: Option<DateTime<Utc>>,
}

/// A key with the state of its tenant.
#[derive(FromRow)]
struct ApiKey {
    id: Uuid,
    tenant_id: Uuid,
    project_id: Option<Uuid>,
    product: Option<String>,
    scopes: Vec<String>,
    hash: String,
    revoked_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    status: String,
    cancel_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Error)]
enum VerifyError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl Verification {
    fn invalid(reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }
}

impl ApiKey {
    /// Whether a key may be used whose secret was presented.
    fn verification(self, now: DateTime<Utc>) -> Verification {
        if self.revoked_at.is_some() {
            return Verification::invalid("revoked");
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Verification::invalid("expired");
        }
        if matches!(self.status.as_str(), "frozen" | "archived") || is_cancelled(self.cancel_at, now) {
            return Verification::invalid("tenant_inactive");
        }
        Verification {
            valid: true,
            reason: None,
            api_key_id: Some(self.id),
            tenant_id: Some(self.tenant_id),
            project_id: self.project_id,
            product: self.product,
            scopes: Some(self.scopes),
            expires_at: self.expires_at,
        }
    }
}

/// The response is 200, whatever is wrong.
pub async fn verify(State(app): State<App>, body: Result<Json<VerifyRequest>, JsonRejection>) -> Json<Verification> {
    let key = match body {
        Ok(Json(VerifyRequest { key })) if is_well_formed(&key) => key,
        Ok(_) | Err(_) => return Json(Verification::invalid("malformed")),
    };
    Json(match verify_key(&app, &key).await {
        Ok(verification) => verification,
        Err(error) => {
            error!("verify: {error}");
            Verification::invalid("unavailable")
        }
    })
}

async fn verify_key(app: &App, key: &str) -> Result<Verification, VerifyError> {
    let prefix = &key[..PREFIX_CHARACTERS];
    let api_keys: Vec<ApiKey> = sqlx::query_as(BY_PREFIX).bind(prefix).fetch_all(&app.database).await?;
    let mut matching = None;
    for api_key in api_keys {
        if app.hashes.matches(api_key.id, &api_key.hash, key).await? {
            matching = Some(api_key);
        }
    }
    Ok(match matching {
        Some(api_key) => api_key.verification(Utc::now()),
        None => Verification::invalid("unknown"),
    })
}

fn is_well_formed(key: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    key.len() == KEY_CHARACTERS && key.starts_with(MARK) && key.bytes().all(is_allowed)
}
