//! API keys as they are stored.

use super::page::PageQuery;
use crate::api_key_hash::{StoredDigest, StoredHash};
use tenant_registry_contract::types::{
    ApiKeyId, ApiKeyName, ApiKeyPrefix, ProductKey, ProjectId, StoredText, TenantId, Timestamp,
};

/// A stored API key. It has a hash in place of the plaintext.
#[derive(Clone, Debug)]
pub struct ApiKeyRecord {
    /// A UUIDv7.
    pub id: ApiKeyId,
    /// The tenant that the key belongs to.
    pub tenant_id: TenantId,
    /// The project of the tenant that the key is bound to, if any.
    pub project_id: Option<ProjectId>,
    /// The product that the key is limited to, if any.
    pub product: Option<StoredText>,
    /// The display name.
    pub name: ApiKeyName,
    /// What the key may be used for.
    pub scopes: Vec<StoredText>,
    /// The first characters of the plaintext, for lookup. Not unique.
    pub prefix: ApiKeyPrefix,
    /// The hash that a presented plaintext is checked against, if the digest cannot be used.
    pub hash: StoredHash,
    /// The keyed digest that a presented plaintext is checked against, if the deployment has a key for it.
    pub digest: Option<StoredDigest>,
    /// The actor that created the key.
    pub created_by: Option<StoredText>,
    /// When the key expires. From then on it is not valid.
    pub expires_at: Option<Timestamp>,
    /// The key that replaces this key.
    pub rotated_to: Option<ApiKeyId>,
    /// The key that this key replaces.
    pub rotated_from: Option<ApiKeyId>,
    /// When the key last verified, within seconds.
    pub last_used_at: Option<Timestamp>,
    /// When the key was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When the key was created.
    pub created_at: Timestamp,
}

impl ApiKeyRecord {
    /// Whether the key has expired at `now`. No job writes this.
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the key is neither revoked nor expired at `now`.
    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !self.has_expired(now)
    }

    /// The bytes of the texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let texts = [&self.product, &self.created_by];
        let texts = texts.into_iter().flatten().chain(&self.scopes);
        texts.map(|text| text.as_str().len()).sum::<usize>() + self.name.as_str().len()
    }
}

/// Selects API keys of a tenant for one page, newest first. A key has to match every filter that is set.
#[derive(Clone, Debug)]
pub struct ApiKeyQuery {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Only keys for this product.
    pub product: Option<ProductKey>,
    /// Only keys that are bound to this project.
    pub project_id: Option<ProjectId>,
    /// Only keys that are neither revoked nor expired, or only the others.
    pub usable: Option<bool>,
    /// The time at which a key is expired or not.
    pub now: Timestamp,
    /// The page.
    pub page: PageQuery,
}
