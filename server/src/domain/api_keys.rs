//! The rules of API keys: creating, reading, revoking and verifying them.

use super::Registry;
use super::caller::{Caller, TenantScope};
use super::cursor::{FilteredList, Page};
use super::error::{ApiKeyCreateError, DomainError, Failure, InvalidInput, ListError, NotFound};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::{is_in_service, status_at};
use crate::api_key_hash;
use crate::records::{ApiKeyQuery, ApiKeyRecord, Decision, NewAuditEvent, stored};
use crate::store::{ApiKeyStored, ApiKeyWithTenant, Changed, Store};
use serde_json::Map;
use tenant_registry_contract::server::ApiKeyListParams;
use tenant_registry_contract::types::{
    ApiKey, ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyList, ApiKeyPlaintext, ApiKeyPrefix,
    ApiKeyVerifyReason, ProductKey, Scope, StoredText, TenantId, Text, Timestamp,
};
use uuid::Uuid;

/// Returned with the plaintext of a new key.
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
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            created_at: self.created_at,
        }
    }

    /// An audit event about the key. It shows the key's id and prefix, but no more of the plaintext.
    fn event(&self, action: ServiceAction, caller: &Caller, now: Timestamp) -> NewAuditEvent {
        let mut metadata = Map::new();
        metadata.insert("prefix".to_owned(), self.prefix.as_str().into());
        ServiceEvent {
            action,
            tenant_id: self.tenant_id,
            project_id: self.project_id,
            target_id: self.id.to_string(),
            target_name: None,
            product: None,
            metadata,
        }
        .caused_by(caller, now)
    }

    /// Revokes the key. If it is revoked already, `revoked_at` stays unchanged.
    fn revoke(&self, caller: &Caller, now: Timestamp) -> Decision<Self> {
        if self.revoked_at.is_some() {
            return Decision::Unchanged;
        }
        let revoked = Self {
            revoked_at: Some(now),
            ..self.clone()
        };
        let event = revoked.event(ServiceAction::ApiKeyRevoked, caller, now);
        Decision::change(revoked, event)
    }
}

/// The result of verifying a presented key.
#[derive(Clone, Debug, PartialEq)]
pub enum Verification {
    /// The key may be used.
    Valid {
        /// The key.
        api_key_id: ApiKeyId,
        /// The tenant that the key belongs to.
        tenant_id: TenantId,
        /// The product that the key is limited to, if any.
        product: Option<StoredText>,
        /// What the key may be used for.
        scopes: Vec<StoredText>,
        /// When the key expires.
        expires_at: Option<Timestamp>,
    },
    /// The key must not be used.
    Invalid(ApiKeyVerifyReason),
}

/// Checks the state of a key whose secret matched. Callers without the secret do not learn the state.
fn verify_state(found: ApiKeyWithTenant, now: Timestamp) -> Verification {
    let ApiKeyWithTenant {
        api_key,
        tenant_status,
        tenant_cancel_at,
    } = found;
    if api_key.revoked_at.is_some() {
        return Verification::Invalid(ApiKeyVerifyReason::Revoked);
    }
    if api_key.has_expired(now) {
        return Verification::Invalid(ApiKeyVerifyReason::Expired);
    }
    if !is_in_service(status_at(tenant_status, tenant_cancel_at, now)) {
        return Verification::Invalid(ApiKeyVerifyReason::TenantInactive);
    }
    Verification::Valid {
        api_key_id: api_key.id,
        tenant_id: api_key.tenant_id,
        product: api_key.product,
        scopes: api_key.scopes,
        expires_at: api_key.expires_at,
    }
}

/// Rejects the end of a key that is not in the future.
fn require_future(expires_at: Timestamp, now: Timestamp) -> Result<(), InvalidInput> {
    if expires_at > now {
        Ok(())
    } else {
        Err(InvalidInput(format!(
            "`expires_at`: must be in the future, but is {expires_at}; it is {now} now"
        )))
    }
}

impl<S: Store> Registry<S> {
    /// Lists a page of the API keys of a tenant, newest first.
    ///
    /// # Errors
    /// - [`NotFound`] if the tenant does not exist.
    /// - [`InvalidInput`](super::error::InvalidInput) if the cursor belongs to another list or to other filters.
    pub async fn api_key_list(
        &self,
        params: ApiKeyListParams,
        tenant_scope: TenantScope,
    ) -> Result<ApiKeyList, DomainError<ListError>> {
        let ApiKeyListParams {
            tenant_id,
            product,
            usable,
            limit,
            cursor,
        } = params;
        tenant_scope.require(tenant_id).map_err(DomainError::rejected)?;
        let filters = [
            ("tenant_id", Some(tenant_id.to_string())),
            ("product", product.clone().map(String::from)),
            ("usable", usable.map(|usable| usable.to_string())),
        ];
        let list = FilteredList::new("api_key_list", &filters);
        let page = list
            .query(limit, cursor.as_ref(), ApiKeyList::MAX_BYTES)
            .map_err(DomainError::rejected)?;
        let query = ApiKeyQuery {
            tenant_id,
            product,
            usable,
            now: self.clock.now(),
            page,
        };
        let Some(found) = self.store.api_key_list(query).await? else {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        };
        let id = |api_key: &ApiKeyRecord| Uuid::from(api_key.id);
        let Page { items, next_cursor } =
            list.page(found, ApiKeyList::MAX_BYTES, id, |api_key| api_key.as_api_key())?;
        Ok(ApiKeyList { items, next_cursor })
    }

    /// Returns the API key with this id.
    ///
    /// # Errors
    /// [`NotFound`] if there is none.
    pub async fn api_key_get(&self, id: ApiKeyId, tenant_scope: TenantScope) -> Result<ApiKey, DomainError<NotFound>> {
        match self.store.api_key_get(id).await? {
            Some(api_key) if tenant_scope.includes(api_key.tenant_id) => Ok(api_key.as_api_key()),
            Some(_) | None => Err(DomainError::rejected(NotFound::no_api_key_with_id(id))),
        }
    }

    /// Creates an API key. The key of a frozen tenant becomes valid when the tenant is activated.
    ///
    /// # Errors
    /// - [`InvalidInput`] if the key would be expired already.
    /// - [`NotFound`] if the tenant does not exist.
    pub async fn api_key_create(
        &self,
        body: ApiKeyCreate,
        caller: &Caller,
    ) -> Result<ApiKeyCreated, DomainError<ApiKeyCreateError>> {
        let ApiKeyCreate {
            tenant_id,
            name,
            product,
            scopes,
            created_by,
            expires_at,
        } = body;
        caller
            .identity
            .tenant_scope
            .require(tenant_id)
            .map_err(DomainError::rejected)?;
        if let Some(end) = expires_at {
            require_future(end, self.clock.now()).map_err(DomainError::rejected)?;
        }
        // Saves the costly hash. The store checks again when it stores the key.
        if self.store.tenant_get(tenant_id).await?.is_none() {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        }
        let plaintext = api_key_hash::generate_plaintext()?;
        let prefix = api_key_hash::prefix(&plaintext)?;
        let hash = self.hasher.hash(plaintext.clone()).await?;
        let now = self.clock.now();
        let api_key = ApiKeyRecord {
            id: ApiKeyId::from(self.clock.new_id(now)),
            tenant_id,
            project_id: None,
            product: product.map(stored::<ProductKey>),
            name,
            scopes: scopes.into_iter().map(stored::<Scope>).collect(),
            prefix,
            hash,
            created_by: created_by.map(stored::<Text>),
            expires_at,
            last_used_at: None,
            revoked_at: None,
            created_at: now,
        };
        let event = api_key.event(ServiceAction::ApiKeyCreated, caller, now);
        let event = caller.with_secret_response(event, || {
            format!(
                "a request with this `Idempotency-Key` created the API key {} (`{}`); its plaintext is not stored, so \
                 revoke it and create another with a new `Idempotency-Key`",
                api_key.id, api_key.prefix
            )
        })?;
        match self.store.api_key_create(api_key, event).await? {
            ApiKeyStored::Created(api_key) => Ok(ApiKeyCreated {
                api_key: api_key.as_api_key(),
                plaintext,
                warning: PLAINTEXT_WARNING.to_owned(),
            }),
            ApiKeyStored::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
        }
    }

    /// Revokes an API key. This cannot be undone.
    ///
    /// # Errors
    /// [`NotFound`] if the key does not exist.
    pub async fn api_key_revoke(&self, id: ApiKeyId, caller: &Caller) -> Result<(), DomainError<NotFound>> {
        let not_found = || DomainError::rejected(NotFound::no_api_key_with_id(id));
        let changed = self
            .store
            .api_key_revoke(id, |api_key: &ApiKeyRecord| {
                if !caller.identity.tenant_scope.includes(api_key.tenant_id) {
                    return Err(not_found());
                }
                Ok(api_key.revoke(caller, self.clock.now()))
            })
            .await?;
        match changed {
            Changed::Stored(_) | Changed::Unchanged(_) => Ok(()),
            Changed::Rejected(error) => Err(error),
            Changed::NotFound => Err(not_found()),
        }
    }

    /// Verifies a presented key. Keys outside the caller's tenant scope are unknown.
    ///
    /// # Errors
    /// If the store fails or the hash queue is full.
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
        let cached = found.iter().position(|found| {
            let ApiKeyRecord { id, hash, .. } = &found.api_key;
            self.hasher.has_matched(*id, hash, &plaintext)
        });
        let (id, found) = match cached {
            Some(index) => (Some(found[index].api_key.id), found),
            // No hash for an unknown prefix, so that a flood of invented keys cannot occupy the hasher.
            None if found.is_empty() => (None, found),
            None => {
                let id = self.key_with_secret(&found, &plaintext).await?;
                // The key may have been revoked during the hash, so it is looked up again. This also happens for a wrong
                // secret, so that both take the same time.
                (id, self.keys_with_prefix(&prefix, tenant_scope).await?)
            }
        };
        let now = self.clock.now();
        let matched = id.and_then(|id| found.into_iter().find(|found| found.api_key.id == id));
        let verification = match matched {
            Some(found) => verify_state(found, now),
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

    /// Finds the key with this secret. Tries all keys even after a match, so that the time depends only on the number of
    /// keys with the prefix, not on the secret.
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
