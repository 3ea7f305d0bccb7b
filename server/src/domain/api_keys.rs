//! API keys: how one is made, listed, revoked and verified.

use super::Registry;
use super::caller::{Caller, TenantScope};
use super::error::{DomainError, Failure, NotFound};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::{is_in_service, no_tenant_with_id, status_at};
use crate::api_key_hash;
use crate::records::{ApiKeyRecord, Decision, NewAuditEvent};
use crate::store::{ApiKeyStored, ApiKeyWithTenant, Changed, Store};
use chrono::{DateTime, Utc};
use serde_json::Map;
use tenant_registry_contract::types::{
    ApiKey, ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyList, ApiKeyPlaintext, ApiKeyPrefix,
    ApiKeyVerifyReason, ConstraintError, ProductKey, Scope, TenantId,
};
use uuid::Uuid;

/// Goes with a new key's plaintext.
const PLAINTEXT_WARNING: &str = "Store the plaintext now; it cannot be shown again.";

impl ApiKeyRecord {
    fn as_api_key(&self) -> ApiKey {
        ApiKey {
            id: self.id,
            tenant_id: self.tenant_id,
            product: self.product.clone(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            prefix: self.prefix.clone(),
            created_by: self.created_by.clone(),
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            created_at: self.created_at,
        }
    }

    /// The log gets the key's id and prefix, never more.
    fn event(
        &self,
        action: ServiceAction,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<NewAuditEvent, ConstraintError> {
        let mut metadata = Map::new();
        metadata.insert("prefix".to_owned(), self.prefix.as_str().into());
        ServiceEvent {
            action,
            tenant_id: self.tenant_id,
            target_id: self.id.to_string(),
            target_name: None,
            product: None,
            metadata,
        }
        .caused_by(caller, now)
    }

    /// Revokes the key; one that is revoked already keeps its first `revoked_at`.
    fn revoke(&self, caller: &Caller, now: DateTime<Utc>) -> Result<Decision<Self>, ConstraintError> {
        if self.revoked_at.is_some() {
            return Ok(Decision::Unchanged);
        }
        let revoked = Self {
            revoked_at: Some(now),
            ..self.clone()
        };
        let event = revoked.event(ServiceAction::ApiKeyRevoked, caller, now)?;
        Ok(Decision::change(revoked, event))
    }
}

/// What is found out about a presented key.
#[derive(Clone, Debug, PartialEq)]
pub enum Verification {
    /// The bearer may be served.
    Valid {
        /// Whose key it is.
        tenant_id: TenantId,
        /// The product that it is for.
        product: Option<ProductKey>,
        /// What it may be used for.
        scopes: Vec<Scope>,
    },
    /// The bearer may not.
    Invalid(ApiKeyVerifyReason),
}

/// Judges a key whose secret matched. Its state is told to nobody who does not have the secret.
fn judge(found: ApiKeyWithTenant, now: DateTime<Utc>) -> Verification {
    let ApiKeyWithTenant {
        api_key,
        tenant_status,
        tenant_cancel_at,
    } = found;
    if api_key.revoked_at.is_some() {
        return Verification::Invalid(ApiKeyVerifyReason::Revoked);
    }
    if !is_in_service(status_at(tenant_status, tenant_cancel_at, now)) {
        return Verification::Invalid(ApiKeyVerifyReason::TenantInactive);
    }
    Verification::Valid {
        tenant_id: api_key.tenant_id,
        product: api_key.product,
        scopes: api_key.scopes,
    }
}

impl<S: Store> Registry<S> {
    /// The API keys of a tenant, newest first, revoked ones included.
    ///
    /// # Errors
    /// An unknown tenant is not found.
    pub async fn api_key_list(
        &self,
        tenant_id: TenantId,
        tenant_scope: TenantScope,
    ) -> Result<ApiKeyList, DomainError<NotFound>> {
        tenant_scope.require(tenant_id).map_err(DomainError::rejected)?;
        match self.store.api_key_list(tenant_id).await? {
            Some(api_keys) => Ok(ApiKeyList {
                items: api_keys.iter().map(ApiKeyRecord::as_api_key).collect(),
            }),
            None => Err(DomainError::rejected(no_tenant_with_id(tenant_id))),
        }
    }

    /// Creates an API key. A frozen tenant may have one made: it verifies once the tenant is active.
    ///
    /// # Errors
    /// An unknown tenant is not found.
    pub async fn api_key_create(
        &self,
        body: ApiKeyCreate,
        caller: &Caller,
    ) -> Result<ApiKeyCreated, DomainError<NotFound>> {
        let ApiKeyCreate {
            tenant_id,
            name,
            product,
            scopes,
            created_by,
        } = body;
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        // Hashing costs far more than this look; the answer that counts is still the store's, below.
        if self.store.tenant_get(tenant_id).await?.is_none() {
            return Err(DomainError::rejected(no_tenant_with_id(tenant_id)));
        }
        let plaintext = api_key_hash::generate_plaintext()?;
        let prefix = api_key_hash::prefix(&plaintext)?;
        let hash = self.hasher.hash(plaintext.clone()).await?;
        let now = self.clock.now();
        let api_key = ApiKeyRecord {
            id: ApiKeyId::from(Uuid::now_v7()),
            tenant_id,
            product,
            name,
            scopes,
            prefix,
            hash,
            created_by,
            last_used_at: None,
            revoked_at: None,
            created_at: now,
        };
        let event = api_key.event(ServiceAction::ApiKeyCreated, caller, now)?;
        match self.store.api_key_create(api_key, event).await? {
            ApiKeyStored::Created(api_key) => Ok(ApiKeyCreated {
                api_key: api_key.as_api_key(),
                plaintext,
                warning: PLAINTEXT_WARNING.to_owned(),
            }),
            ApiKeyStored::TenantNotFound => Err(DomainError::rejected(no_tenant_with_id(tenant_id))),
        }
    }

    /// Revokes an API key, for good.
    ///
    /// # Errors
    /// An unknown key is not found.
    pub async fn api_key_revoke(&self, id: ApiKeyId, caller: &Caller) -> Result<(), DomainError<NotFound>> {
        let unknown = || DomainError::rejected(NotFound(format!("no API key has the id {id}")));
        let changed = self
            .store
            .api_key_revoke(id, |api_key: &ApiKeyRecord| {
                if !caller.identity.tenant_scope.includes(api_key.tenant_id) {
                    return Err(unknown());
                }
                Ok(api_key.revoke(caller, self.clock.now())?)
            })
            .await?;
        match changed {
            Changed::Stored(_) => Ok(()),
            Changed::Rejected(error) => Err(error),
            Changed::NotFound => Err(unknown()),
        }
    }

    /// Finds out whether a presented key may be served. To who belongs to a tenant, the keys of others are unknown.
    ///
    /// # Errors
    /// When it could not be found out: the store does not answer, or the hasher has no room.
    pub async fn api_key_verify(
        &self,
        candidate: ApiKeyCandidate,
        tenant_scope: TenantScope,
    ) -> Result<Verification, Failure> {
        let Ok(plaintext) = ApiKeyPlaintext::try_from(candidate.expose_secret()) else {
            return Ok(Verification::Invalid(ApiKeyVerifyReason::Malformed));
        };
        let prefix = api_key_hash::prefix(&plaintext)?;
        let found = self.keys_with_prefix(&prefix, tenant_scope).await?;
        let known = found.iter().position(|found| {
            let ApiKeyRecord { id, hash, .. } = &found.api_key;
            self.hasher.has_matched(*id, hash, &plaintext)
        });
        let (id, found) = match known {
            Some(index) => (Some(found[index].api_key.id), found),
            // A prefix that no key has is never hashed: else a flood of invented keys would keep the hasher from its work.
            None if found.is_empty() => (None, found),
            None => {
                let id = self.key_with_secret(&found, &plaintext).await?;
                // Hashing takes its time, and may have waited for its turn: what was read before it is no ground for
                // "valid". A wrong secret is looked up again too, so that it takes the time of a right one.
                (id, self.keys_with_prefix(&prefix, tenant_scope).await?)
            }
        };
        let now = self.clock.now();
        let matched = id.and_then(|id| found.into_iter().find(|found| found.api_key.id == id));
        let verification = match matched {
            Some(found) => judge(found, now),
            None => Verification::Invalid(ApiKeyVerifyReason::Unknown),
        };
        match (&verification, id) {
            (Verification::Valid { .. }, Some(id)) => self.api_key_uses.record(id, now),
            (Verification::Valid { .. } | Verification::Invalid(_), _) => {}
        }
        Ok(verification)
    }

    async fn keys_with_prefix(
        &self,
        prefix: &ApiKeyPrefix,
        tenant_scope: TenantScope,
    ) -> Result<Vec<ApiKeyWithTenant>, Failure> {
        let mut found = self.store.api_key_verify(prefix).await?;
        found.retain(|found| tenant_scope.includes(found.api_key.tenant_id));
        Ok(found)
    }

    /// Which of these keys has this secret. All are tried, whichever matches, so that the time taken tells the number of
    /// keys that share the prefix, and nothing about the secret.
    async fn key_with_secret(
        &self,
        found: &[ApiKeyWithTenant],
        plaintext: &ApiKeyPlaintext,
    ) -> Result<Option<ApiKeyId>, Failure> {
        let mut matched = None;
        for ApiKeyWithTenant { api_key, .. } in found {
            if self.hasher.matches(api_key.id, &api_key.hash, plaintext).await? {
                matched = Some(api_key.id);
            }
        }
        Ok(matched)
    }
}
