//! The rules of API keys: creating, reading, updating, rotating and revoking them.

use super::Registry;
use super::caller::Caller;
use super::changes::Changes;
use super::clock::seconds_after;
use super::cursor::{FilteredList, Page};
use super::error::{
    ApiKeyCreateError, ApiKeyRevokeError, ApiKeyRotateError, ApiKeyUpdateError, Conflict, DomainError, InvalidInput,
    ListError, NotFound, PreconditionFailed,
};
use super::service_event::{ServiceAction, ServiceEvent};
use crate::api_key_hash::{self, StoredDigest, StoredHash};
use crate::records::{ApiKeyQuery, ApiKeyRecord, Decision, NewAuditEvent, TenantScope, stored};
use crate::store::{ApiKeyRotation, ApiKeyStore, ApiKeyStored, Changed, Store, TenantStore};
use serde_json::{Map, Value};
use tenant_registry_contract::server::ApiKeyListParams;
use tenant_registry_contract::server::IfMatch;
use tenant_registry_contract::types::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyList, ApiKeyPrefix, ApiKeyUpdate, OverlapSeconds, ProductKey,
    Scope, StoredText, Text, Timestamp,
};
use uuid::Uuid;

/// Returned with the plaintext of a new key.
const PLAINTEXT_WARNING: &str = "Store the plaintext now; it cannot be shown again.";

impl ApiKeyRecord {
    /// The response to a repeated request that created the key.
    fn created_earlier(&self) -> String {
        format!(
            "a request with this `Idempotency-Key` created the API key {} (`{}`); its plaintext is not stored, so revoke it \
             and create another with a new `Idempotency-Key`",
            self.id, self.prefix
        )
    }

    fn as_api_key(&self) -> ApiKey {
        ApiKey {
            id: self.id,
            tenant_id: self.tenant_id,
            project_id: self.project_id,
            product: self.product.clone(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            prefix: self.prefix.clone(),
            created_by: self.created_by.clone(),
            expires_at: self.expires_at,
            rotated_to: self.rotated_to,
            rotated_from: self.rotated_from,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            created_at: self.created_at,
        }
    }

    /// An audit event about the key. It shows the key's id and prefix, but no more of the plaintext.
    fn event(&self, action: ServiceAction, caller: &Caller, now: Timestamp) -> NewAuditEvent {
        self.event_with(Map::new(), action, caller, now)
    }

    /// An audit event about the key, with more metadata.
    fn event_with(
        &self,
        mut metadata: Map<String, Value>,
        action: ServiceAction,
        caller: &Caller,
        now: Timestamp,
    ) -> NewAuditEvent {
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

    /// Rejects the change of a key that is no longer valid.
    fn require_usable(&self, now: Timestamp) -> Result<(), Conflict> {
        if self.revoked_at.is_some() {
            Err(Conflict("the API key is revoked".to_owned()))
        } else if self.has_expired(now) {
            Err(Conflict("the API key has expired".to_owned()))
        } else {
            Ok(())
        }
    }

    /// Changes the members that `body` contains.
    fn update(
        &self,
        body: &ApiKeyUpdate,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Decision<Self>, ApiKeyUpdateError> {
        let ApiKeyUpdate {
            name,
            scopes,
            expires_at,
        } = body.clone();
        let updated = Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            scopes: scopes.map_or_else(
                || self.scopes.clone(),
                |scopes| scopes.into_iter().map(stored::<Scope>).collect(),
            ),
            expires_at: expires_at.or(self.expires_at),
            ..self.clone()
        };
        let mut changes = Changes::default();
        changes.compare_privately("name", &self.name, &updated.name);
        changes.compare("scopes", texts(&self.scopes), texts(&updated.scopes));
        let time = |time: Option<Timestamp>| time.map(|it| it.to_string());
        changes.compare("expires_at", time(self.expires_at), time(updated.expires_at));
        let Some(metadata) = changes.into_metadata() else {
            return Ok(Decision::Unchanged);
        };
        self.require_usable(now)?;
        if let Some(end) = updated.expires_at.filter(|_| updated.expires_at != self.expires_at) {
            require_future(end, now)?;
            if let Some(stored) = self.expires_at.filter(|stored| end > *stored) {
                return Err(Conflict(format!(
                    "`expires_at`: the key expires at {stored} and cannot expire later; rotate it to get a new key"
                ))
                .into());
            }
        }
        let event = updated.event_with(metadata, ServiceAction::ApiKeyUpdated, caller, now);
        Ok(Decision::change(updated, event))
    }

    /// Rejects the rotation of a key that is not valid or has a successor.
    fn require_rotatable(&self, now: Timestamp) -> Result<(), Conflict> {
        self.require_usable(now)?;
        match self.rotated_to {
            None => Ok(()),
            Some(successor) => Err(Conflict(format!(
                "the API key was rotated already; its successor is {successor}"
            ))),
        }
    }

    /// Replaces the key by a successor with another secret. The key stays valid during the overlap.
    fn rotate(
        &self,
        NewSecret {
            id,
            prefix,
            hash,
            digest,
        }: NewSecret,
        overlap: OverlapSeconds,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<ApiKeyRotation, Conflict> {
        self.require_rotatable(now)?;
        let overlap_end = seconds_after(now, overlap.get().unsigned_abs());
        let expires_at = self.expires_at.map_or(overlap_end, |end| end.min(overlap_end));
        let mut metadata = Map::new();
        metadata.insert("expires_at".to_owned(), expires_at.to_string().into());
        metadata.insert("successor".to_owned(), id.to_string().into());
        metadata.insert("successor_prefix".to_owned(), prefix.as_str().into());
        Ok(ApiKeyRotation {
            rotated: Self {
                expires_at: Some(expires_at),
                rotated_to: Some(id),
                ..self.clone()
            },
            successor: Self {
                id,
                tenant_id: self.tenant_id,
                project_id: self.project_id,
                product: self.product.clone(),
                name: self.name.clone(),
                scopes: self.scopes.clone(),
                prefix,
                hash,
                digest,
                created_by: None,
                expires_at: None,
                rotated_to: None,
                rotated_from: Some(self.id),
                last_used_at: None,
                revoked_at: None,
                created_at: now,
            },
            event: self
                .event_with(metadata, ServiceAction::ApiKeyRotated, caller, now)
                .into(),
        })
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

fn texts(scopes: &[StoredText]) -> Vec<&str> {
    scopes.iter().map(StoredText::as_str).collect()
}

/// What makes the successor of a key another key.
#[derive(Clone)]
struct NewSecret {
    id: ApiKeyId,
    prefix: ApiKeyPrefix,
    hash: StoredHash,
    digest: Option<StoredDigest>,
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
    /// - [`InvalidInput`] if the cursor belongs to another list or to other filters.
    pub async fn api_key_list(
        &self,
        params: ApiKeyListParams,
        tenant_scope: TenantScope,
    ) -> Result<ApiKeyList, DomainError<ListError>> {
        let ApiKeyListParams {
            tenant_id,
            product,
            project_id,
            usable,
            limit,
            cursor,
        } = params;
        tenant_scope.require(tenant_id).map_err(DomainError::rejected)?;
        let filters = [
            ("tenant_id", Some(tenant_id.to_string())),
            ("product", product.clone().map(String::from)),
            ("project_id", project_id.map(|id| id.to_string())),
            ("usable", usable.map(|usable| usable.to_string())),
        ];
        let list = FilteredList::new("api_key_list", &filters);
        let page = list
            .query(limit, cursor.as_ref(), ApiKeyList::MAX_BYTES)
            .map_err(DomainError::rejected)?;
        let query = ApiKeyQuery {
            tenant_id,
            product,
            project_id,
            usable,
            now: self.clock.now(),
            page,
        };
        let Some(found) = self.store.scoped(tenant_scope).api_key_list(query).await? else {
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
        match self.store.scoped(tenant_scope).api_key_get(id).await? {
            Some(api_key) if tenant_scope.includes(api_key.tenant_id) => Ok(api_key.as_api_key()),
            Some(_) | None => Err(DomainError::rejected(NotFound::no_api_key_with_id(id))),
        }
    }

    /// Creates an API key. The key of a frozen tenant becomes valid when the tenant is activated.
    ///
    /// # Errors
    /// - [`InvalidInput`] if the key would be expired already.
    /// - [`NotFound`] if the tenant does not exist or has no such project.
    pub async fn api_key_create(
        &self,
        body: ApiKeyCreate,
        caller: &Caller,
    ) -> Result<ApiKeyCreated, DomainError<ApiKeyCreateError>> {
        let ApiKeyCreate {
            tenant_id,
            project_id,
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
        if self
            .store
            .scoped(caller.identity.tenant_scope)
            .tenant_get(tenant_id)
            .await?
            .is_none()
        {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        }
        let plaintext = api_key_hash::generate_plaintext()?;
        let prefix = api_key_hash::prefix(&plaintext)?;
        let hash = self
            .hasher
            .hash(caller.identity.hash_owner(tenant_id), plaintext.clone())
            .await?;
        let now = self.clock.now();
        let id = ApiKeyId::from(self.clock.new_id(now));
        let api_key = ApiKeyRecord {
            id,
            tenant_id,
            project_id,
            product: product.map(stored::<ProductKey>),
            name,
            scopes: scopes.into_iter().map(stored::<Scope>).collect(),
            prefix,
            hash,
            digest: self.hasher.digest(id, &plaintext),
            created_by: created_by.map(stored::<Text>),
            expires_at,
            rotated_to: None,
            rotated_from: None,
            last_used_at: None,
            revoked_at: None,
            created_at: now,
        };
        let event = api_key.event(ServiceAction::ApiKeyCreated, caller, now);
        let event = caller.with_secret_response(event, || api_key.created_earlier())?;
        match self
            .store
            .scoped(caller.identity.tenant_scope)
            .api_key_create(api_key, event)
            .await?
        {
            ApiKeyStored::Created(api_key) => Ok(ApiKeyCreated {
                api_key: api_key.as_api_key(),
                plaintext,
                warning: PLAINTEXT_WARNING.to_owned(),
            }),
            ApiKeyStored::TenantNotFound => Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id))),
            ApiKeyStored::ProjectNotFound => Err(DomainError::rejected(NotFound(
                "`project_id`: the tenant has no project with this id".to_owned(),
            ))),
        }
    }

    /// Changes an API key.
    ///
    /// # Errors
    /// - [`InvalidInput`] if the key would be expired already.
    /// - [`NotFound`] if it does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is revoked or expired, or would expire later than it does.
    pub async fn api_key_update(
        &self,
        id: ApiKeyId,
        if_match: Option<IfMatch<ApiKey>>,
        body: ApiKeyUpdate,
        caller: &Caller,
    ) -> Result<ApiKey, DomainError<ApiKeyUpdateError>> {
        let not_found = || DomainError::rejected(NotFound::no_api_key_with_id(id));
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .api_key_change(id, |api_key: &ApiKeyRecord| {
                if !caller.identity.tenant_scope.includes(api_key.tenant_id) {
                    return Err(not_found());
                }
                PreconditionFailed::check(if_match.as_ref(), &api_key.as_api_key()).map_err(DomainError::rejected)?;
                api_key
                    .update(&body, caller, self.clock.now())
                    .map_err(DomainError::Rejected)
            })
            .await?;
        match changed {
            Changed::Stored(api_key) | Changed::Unchanged(api_key) => Ok(api_key.as_api_key()),
            Changed::Rejected(error) => Err(error),
            Changed::NotFound => Err(not_found()),
        }
    }

    /// Rotates an API key: creates a successor, and lets the key expire after an overlap.
    ///
    /// # Errors
    /// - [`NotFound`] if the key does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    /// - [`Conflict`] if it is revoked, expired or rotated already.
    pub async fn api_key_rotate(
        &self,
        id: ApiKeyId,
        if_match: Option<IfMatch<ApiKey>>,
        overlap: OverlapSeconds,
        caller: &Caller,
    ) -> Result<ApiKeyCreated, DomainError<ApiKeyRotateError>> {
        let not_found = || DomainError::rejected(NotFound::no_api_key_with_id(id));
        let is_visible = |api_key: &ApiKeyRecord| caller.identity.tenant_scope.includes(api_key.tenant_id);
        // Saves the costly hash. The rule is applied again to the key that the store has locked.
        let current = self
            .store
            .scoped(caller.identity.tenant_scope)
            .api_key_get(id)
            .await?
            .filter(is_visible)
            .ok_or_else(not_found)?;
        PreconditionFailed::check(if_match.as_ref(), &current.as_api_key()).map_err(DomainError::rejected)?;
        current
            .require_rotatable(self.clock.now())
            .map_err(DomainError::rejected)?;
        let plaintext = api_key_hash::generate_plaintext()?;
        let owner = caller.identity.hash_owner(current.tenant_id);
        let hash = self.hasher.hash(owner, plaintext.clone()).await?;
        let now = self.clock.now();
        let successor_id = ApiKeyId::from(self.clock.new_id(now));
        let secret = NewSecret {
            id: successor_id,
            prefix: api_key_hash::prefix(&plaintext)?,
            hash,
            digest: self.hasher.digest(successor_id, &plaintext),
        };
        let rotated = self
            .store
            .scoped(caller.identity.tenant_scope)
            .api_key_rotate(id, |api_key: &ApiKeyRecord| {
                if !is_visible(api_key) {
                    return Err(not_found());
                }
                PreconditionFailed::check(if_match.as_ref(), &api_key.as_api_key()).map_err(DomainError::rejected)?;
                let ApiKeyRotation {
                    rotated,
                    successor,
                    event,
                } = api_key
                    .rotate(secret.clone(), overlap, caller, now)
                    .map_err(DomainError::rejected)?;
                Ok(ApiKeyRotation {
                    event: caller.with_secret_response(event.event, || successor.created_earlier())?,
                    rotated,
                    successor,
                })
            })
            .await?;
        match rotated {
            Changed::Stored(successor) | Changed::Unchanged(successor) => Ok(ApiKeyCreated {
                api_key: successor.as_api_key(),
                plaintext,
                warning: PLAINTEXT_WARNING.to_owned(),
            }),
            Changed::Rejected(error) => Err(error),
            Changed::NotFound => Err(not_found()),
        }
    }

    /// Revokes an API key. This cannot be undone.
    ///
    /// # Errors
    /// - [`NotFound`] if the key does not exist.
    /// - [`PreconditionFailed`] if it does not match `if_match`.
    pub async fn api_key_revoke(
        &self,
        id: ApiKeyId,
        if_match: Option<IfMatch<ApiKey>>,
        caller: &Caller,
    ) -> Result<(), DomainError<ApiKeyRevokeError>> {
        let not_found = || DomainError::rejected(NotFound::no_api_key_with_id(id));
        let changed = self
            .store
            .scoped(caller.identity.tenant_scope)
            .api_key_change(id, |api_key: &ApiKeyRecord| {
                if !caller.identity.tenant_scope.includes(api_key.tenant_id) {
                    return Err(not_found());
                }
                PreconditionFailed::check(if_match.as_ref(), &api_key.as_api_key()).map_err(DomainError::rejected)?;
                Ok(api_key.revoke(caller, self.clock.now()))
            })
            .await?;
        match changed {
            Changed::Stored(_) | Changed::Unchanged(_) => Ok(()),
            Changed::Rejected(error) => Err(error),
            Changed::NotFound => Err(not_found()),
        }
    }
}
