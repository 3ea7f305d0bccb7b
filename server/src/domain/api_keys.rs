//! The rules of API keys: creating, reading, rotating, revoking and verifying them.

use super::Registry;
use super::caller::{Caller, TenantScope};
use super::changes::Changes;
use super::clock::seconds_after;
use super::cursor::{FilteredList, Page};
use super::entitlements::entitled_at;
use super::error::{
    ApiKeyCreateError, ApiKeyRevokeError, ApiKeyRotateError, ApiKeyUpdateError, Conflict, DomainError, Failure,
    InvalidInput, ListError, NotFound, PreconditionFailed,
};
use super::service_event::{ServiceAction, ServiceEvent};
use super::tenants::{is_in_service, status_at};
use crate::api_key_hash::{self, StoredDigest, StoredHash};
use crate::records::{ApiKeyQuery, ApiKeyRecord, Decision, NewAuditEvent, stored};
use crate::store::{ApiKeyLookup, ApiKeyRotation, ApiKeyStored, ApiKeyUse, ApiKeyWithTenant, Changed, Store};
use futures_util::future::join_all;
use serde_json::{Map, Value};
use tenant_registry_contract::server::ApiKeyListParams;
use tenant_registry_contract::server::IfMatch;
use tenant_registry_contract::types::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyList, ApiKeyPlaintext, ApiKeyPrefix, ApiKeyUpdate,
    ApiKeyVerifyReason, ApiKeyVerifyRequest, OverlapSeconds, ProductKey, ProjectId, Scope, StoredText, TenantId, Text,
    Timestamp,
};
use tokio::sync::Mutex;
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

/// The key that has a presented secret.
enum Match {
    /// This one, or none.
    Decided(Option<ApiKeyId>),
    /// Some keys have to be hashed to find out.
    NeedsHashes,
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
        /// The project that the key is bound to, if any.
        project_id: Option<ProjectId>,
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
fn verify_state(
    found: ApiKeyWithTenant,
    product: Option<&ProductKey>,
    scopes: &[Scope],
    now: Timestamp,
) -> Verification {
    let ApiKeyWithTenant {
        api_key,
        tenant_status,
        tenant_cancel_at,
        entitlement,
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
    if let Some(product) = product {
        let is_for_product = |own: &StoredText| own.as_str() == product.as_str();
        if !api_key.product.as_ref().is_none_or(is_for_product) {
            return Verification::Invalid(ApiKeyVerifyReason::WrongProduct);
        }
        if entitled_at(entitlement, now).is_err() {
            return Verification::Invalid(ApiKeyVerifyReason::NotEntitled);
        }
    }
    let has_scope = |scope: &Scope| api_key.scopes.iter().any(|own| own.as_str() == scope.as_str());
    if !scopes.iter().all(has_scope) {
        return Verification::Invalid(ApiKeyVerifyReason::MissingScope);
    }
    Verification::Valid {
        api_key_id: api_key.id,
        tenant_id: api_key.tenant_id,
        project_id: api_key.project_id,
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
        if self.store.tenant_get(tenant_id).await?.is_none() {
            return Err(DomainError::rejected(NotFound::no_tenant_with_id(tenant_id)));
        }
        let plaintext = api_key_hash::generate_plaintext()?;
        let prefix = api_key_hash::prefix(&plaintext)?;
        let hash = self.hasher.hash(tenant_id, plaintext.clone()).await?;
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
        match self.store.api_key_create(api_key, event).await? {
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
            .api_key_get(id)
            .await?
            .filter(is_visible)
            .ok_or_else(not_found)?;
        PreconditionFailed::check(if_match.as_ref(), &current.as_api_key()).map_err(DomainError::rejected)?;
        current
            .require_rotatable(self.clock.now())
            .map_err(DomainError::rejected)?;
        let plaintext = api_key_hash::generate_plaintext()?;
        let hash = self.hasher.hash(current.tenant_id, plaintext.clone()).await?;
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

    /// Verifies a presented key, for the product and the scopes of the request. Keys outside the caller's tenant scope are
    /// unknown.
    ///
    /// # Errors
    /// If the store fails or the hash queue is full.
    pub async fn api_key_verify(
        &self,
        request: ApiKeyVerifyRequest,
        tenant_scope: TenantScope,
    ) -> Result<Verification, Failure> {
        self.verify(request, tenant_scope, &Mutex::default()).await
    }

    /// Verifies presented keys, each as if alone. The keys that need a hash are hashed one after the other, so that a batch
    /// occupies the hasher no more than a single key.
    pub async fn api_key_verify_batch(
        &self,
        requests: Vec<ApiKeyVerifyRequest>,
        tenant_scope: TenantScope,
    ) -> Vec<Result<Verification, Failure>> {
        let hash_turn = Mutex::default();
        let verifications = requests
            .into_iter()
            .map(|request| self.verify(request, tenant_scope, &hash_turn));
        join_all(verifications).await
    }

    async fn verify(
        &self,
        request: ApiKeyVerifyRequest,
        tenant_scope: TenantScope,
        hash_turn: &Mutex<()>,
    ) -> Result<Verification, Failure> {
        let ApiKeyVerifyRequest { key, product, scopes } = request;
        let Ok(plaintext) = ApiKeyPlaintext::try_from(key.expose_secret()) else {
            return Ok(Verification::Invalid(ApiKeyVerifyReason::Malformed));
        };
        let lookup = ApiKeyLookup {
            prefix: api_key_hash::prefix(&plaintext)?,
            product,
        };
        let found = self.keys_with_prefix(&lookup, tenant_scope).await?;
        let (id, found) = match self.match_without_hash(&found, &plaintext) {
            // An unknown prefix needs no hash either, so that a flood of invented keys cannot occupy the hasher.
            Match::Decided(id) => (id, found),
            Match::NeedsHashes => {
                let turn = hash_turn.lock().await;
                let id = self.match_with_hashes(&found, &plaintext).await?;
                drop(turn);
                // The key may have been revoked during the hash, so it is looked up again. This also happens for a wrong
                // secret, so that both take the same time.
                (id, self.keys_with_prefix(&lookup, tenant_scope).await?)
            }
        };
        let now = self.clock.now();
        let matched = id.and_then(|id| found.into_iter().find(|found| found.api_key.id == id));
        let digest = matched.as_ref().and_then(|ApiKeyWithTenant { api_key, .. }| {
            let stored = api_key.digest.as_ref();
            self.hasher.new_digest(api_key.id, stored, &plaintext)
        });
        let verification = match matched {
            Some(found) => verify_state(found, lookup.product.as_ref(), &scopes, now),
            None => Verification::Invalid(ApiKeyVerifyReason::Unknown),
        };
        if let Verification::Valid { api_key_id, .. } = verification {
            self.api_key_uses.record(ApiKeyUse {
                id: api_key_id,
                used_at: now,
                digest,
            });
        }
        Ok(verification)
    }

    async fn keys_with_prefix(
        &self,
        lookup: &ApiKeyLookup,
        tenant_scope: TenantScope,
    ) -> Result<Vec<ApiKeyWithTenant>, Failure> {
        let mut found = self.store.api_key_verify(lookup.clone()).await?;
        found.retain(|found| tenant_scope.includes(found.api_key.tenant_id));
        Ok(found)
    }

    /// Finds the key with this secret by the digests and the cache. Tries all keys even after a match, so that the time depends
    /// only on the number of keys with the prefix, not on the secret.
    fn match_without_hash(&self, found: &[ApiKeyWithTenant], plaintext: &ApiKeyPlaintext) -> Match {
        let (mut matched, mut is_unknown) = (None, false);
        for ApiKeyWithTenant { api_key, .. } in found {
            let ApiKeyRecord { id, hash, digest, .. } = api_key;
            match self.hasher.matches_without_hash(*id, hash, digest.as_ref(), plaintext) {
                Some(true) => matched = Some(*id),
                Some(false) => {}
                None => is_unknown = true,
            }
        }
        match matched {
            None if is_unknown => Match::NeedsHashes,
            Some(_) | None => Match::Decided(matched),
        }
    }

    /// Finds the key with this secret by the hashes of the keys for which nothing else decides. Tries all of them, for the same
    /// reason.
    async fn match_with_hashes(
        &self,
        found: &[ApiKeyWithTenant],
        plaintext: &ApiKeyPlaintext,
    ) -> Result<Option<ApiKeyId>, Failure> {
        let mut matched = None;
        for ApiKeyWithTenant { api_key, .. } in found {
            let ApiKeyRecord { id, hash, digest, .. } = api_key;
            // Another request of the batch may have hashed the key meanwhile.
            let matches = match self.hasher.matches_without_hash(*id, hash, digest.as_ref(), plaintext) {
                Some(matches) => matches,
                None => self.hasher.matches(*id, hash, plaintext).await?,
            };
            if matches {
                matched = Some(*id);
            }
        }
        Ok(matched)
    }
}
