use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use super::RequestMetadata;

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u64);

impl Scopes {
    /// Whether the set contains the scope.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & Self::from(scope).0 != 0
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(1 << scope as u32)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes
            .into_iter()
            .map(Self::from)
            .fold(Self::default(), |all, one| Self(all.0 | one.0))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// An access token as it was sent (RFC 6750, section 2.1), not yet verified.
///
/// A secret: `Debug` hides it.
#[derive(Clone)]
pub struct BearerToken(String);

impl BearerToken {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself: keep it out of logs and errors.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(***)")
    }
}

/// The `Authorization` headers of a request.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// No header.
    Absent,
    /// An access token.
    Bearer(BearerToken),
    /// Another scheme, or more than one header.
    Other,
}

/// An authenticated caller and its scopes, before the generated code authorizes it for an operation.
#[derive(Clone, Debug)]
pub struct Admitted<I> {
    /// The caller's identity.
    pub identity: I,
    /// The scopes that the caller has.
    pub scopes: Scopes,
}

/// A caller authorized for the operation that is called. Only the generated code can create one, so a `Principal` proves
/// that the scopes were checked. It dereferences to the caller's identity.
#[derive(Debug)]
pub struct Principal<I>(I);

impl<I> Principal<I> {
    /// Checks that the caller has all scopes of one alternative; returns the first one missing of each.
    pub(crate) fn authorize(
        admitted: Admitted<I>,
        alternatives: &[&[Scope]],
    ) -> Result<Self, BTreeSet<Scope>> {
        let missing = |scopes: &&[Scope]| {
            let mut scopes = scopes.iter().copied();
            scopes.find(|scope| !admitted.scopes.contains(*scope))
        };
        // `None` if one of them is complete.
        let missing: Option<BTreeSet<Scope>> = alternatives.iter().map(missing).collect();
        match missing {
            None => Ok(Self(admitted.identity)),
            Some(missing) => Err(missing),
        }
    }
}

impl<I> Deref for Principal<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.0
    }
}

/// Authenticates callers. The generated code calls it before each operation with `security`, then checks the scopes.
pub trait Admission: Send + Sync + 'static {
    /// The identity of a caller.
    type Identity: Send + Sync;

    /// Authenticates the caller with these credentials.
    fn admit(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Admitted<Self::Identity>, NotAdmitted>> + Send;
}

/// Why a caller was rejected before its scopes were checked.
#[derive(Clone, Debug)]
pub enum NotAdmitted {
    /// 401: The caller is not authenticated.
    Unauthorized(types::Error),
    /// 429 or 503.
    TryLater(TryLater),
}
