//! What a token can allow. Stands here until the contract brings it.

use std::fmt;
use std::str::FromStr;

/// What a token allows its bearer to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Scope {
    TenantsRead,
    TenantsWrite,
    CatalogRead,
    CatalogWrite,
    ApiKeysRead,
    ApiKeysWrite,
    ApiKeysVerify,
    AuditRead,
    AuditWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::TenantsRead,
        Self::TenantsWrite,
        Self::CatalogRead,
        Self::CatalogWrite,
        Self::ApiKeysRead,
        Self::ApiKeysWrite,
        Self::ApiKeysVerify,
        Self::AuditRead,
        Self::AuditWrite,
    ];

    /// The name, as tokens have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TenantsRead => "tenants:read",
            Self::TenantsWrite => "tenants:write",
            Self::CatalogRead => "catalog:read",
            Self::CatalogWrite => "catalog:write",
            Self::ApiKeysRead => "api_keys:read",
            Self::ApiKeysWrite => "api_keys:write",
            Self::ApiKeysVerify => "api_keys:verify",
            Self::AuditRead => "audit:read",
            Self::AuditWrite => "audit:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text is the name of no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}
