//! The rules of verifying API keys: which key has a presented secret, and whether it may be used now.

use super::Registry;
use super::caller::Identity;
use super::entitlements::entitled_at;
use super::error::Failure;
use super::tenants::{is_in_service, status_at};
use crate::api_key_hash;
use crate::records::{ApiKeyRecord, TenantScope};
use crate::store::{ApiKeyLookup, ApiKeyStore, ApiKeyUse, ApiKeyWithTenant, Store};
use futures_util::future::join_all;
use tenant_registry_contract::types::{
    ApiKeyId, ApiKeyPlaintext, ApiKeyVerifyReason, ApiKeyVerifyRequest, ProductKey, ProjectId, Scope, StoredText,
    TenantId, Timestamp,
};
use tokio::sync::Mutex;

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

impl<S: Store> Registry<S> {
    /// Verifies a presented key, for the product and the scopes of the request. Keys outside the caller's tenant scope are
    /// unknown.
    ///
    /// # Errors
    /// If the store fails or the hash queue is full.
    pub async fn api_key_verify(
        &self,
        request: ApiKeyVerifyRequest,
        caller: &Identity,
    ) -> Result<Verification, Failure> {
        self.verify(request, caller, &Mutex::default()).await
    }

    /// Verifies presented keys, each as if it were the only one. The keys that need a hash are hashed one after the other, so that a batch
    /// occupies the hasher no more than a single key.
    pub async fn api_key_verify_batch(
        &self,
        requests: Vec<ApiKeyVerifyRequest>,
        caller: &Identity,
    ) -> Vec<Result<Verification, Failure>> {
        let hash_turn = Mutex::default();
        let verifications = requests
            .into_iter()
            .map(|request| self.verify(request, caller, &hash_turn));
        join_all(verifications).await
    }

    async fn verify(
        &self,
        request: ApiKeyVerifyRequest,
        caller: &Identity,
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
        let found = self.keys_with_prefix(&lookup, caller.tenant_scope).await?;
        let (id, found) = match self.match_without_hash(&found, &plaintext) {
            // An unknown prefix needs no hash either, so that a flood of invented keys cannot occupy the hasher.
            Match::Decided(id) => (id, found),
            Match::NeedsHashes => {
                let turn = hash_turn.lock().await;
                let id = self.match_with_hashes(&found, &plaintext, caller).await?;
                drop(turn);
                // The key may have been revoked during the hash, so it is looked up again. This also happens for a wrong
                // secret, so that both take the same time.
                (id, self.keys_with_prefix(&lookup, caller.tenant_scope).await?)
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
        let mut found = self.store.scoped(tenant_scope).api_key_verify(lookup.clone()).await?;
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
        caller: &Identity,
    ) -> Result<Option<ApiKeyId>, Failure> {
        let mut matched = None;
        for ApiKeyWithTenant { api_key, .. } in found {
            let ApiKeyRecord { id, hash, digest, .. } = api_key;
            // Another request of the batch may have hashed the key meanwhile.
            let matches = match self.hasher.matches_without_hash(*id, hash, digest.as_ref(), plaintext) {
                Some(matches) => matches,
                None => {
                    let owner = caller.hash_owner(api_key.tenant_id);
                    self.hasher.matches(owner, *id, hash, plaintext).await?
                }
            };
            if matches {
                matched = Some(*id);
            }
        }
        Ok(matched)
    }
}
