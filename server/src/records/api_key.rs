//! API keys as they are stored.

use crate::api_key_hash::StoredHash;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyName, ApiKeyPrefix, ProjectId, StoredText, TenantId, Timestamp};

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
    /// The hash that a presented plaintext is checked against.
    pub hash: StoredHash,
    /// The actor that created the key.
    pub created_by: Option<StoredText>,
    /// When the key expires. From then on it is not valid.
    pub expires_at: Option<Timestamp>,
    /// When the key last verified, within seconds.
    pub last_used_at: Option<Timestamp>,
    /// When the key was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When the key was created.
    pub created_at: Timestamp,
}
