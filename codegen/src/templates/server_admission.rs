use std::fmt;
use std::str::FromStr;

use super::RequestMetadata;

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u64);

impl Scopes {
    /// Does it hold this one?
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

/// A word that is no scope.
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

/// An access token as somebody presented it (RFC 6750, section 2.1); nothing is known of it yet.
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

/// What the `Authorization` headers of a request hold.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// There is none.
    Absent,
    /// An access token.
    Bearer(BearerToken),
    /// Something else: another scheme, or more than one header.
    Other,
}

/// A caller who is known, and what they may do: not yet whether that is what they ask for.
#[derive(Clone, Debug)]
pub struct Admitted<I> {
    /// Who.
    pub identity: I,
    /// What.
    pub scopes: Scopes,
}

/// A caller who has been let in to the operation that is called. Nothing outside the generated code can make one, so
/// that whoever has one need not ask.
#[derive(Debug)]
pub struct Principal<I>(I);

impl<I> Principal<I> {
    /// Let in are those who may do all that is needed; of the others, the first scope that they lack.
    pub(crate) fn let_in(admitted: Admitted<I>, needed: &[Scope]) -> Result<Self, Scope> {
        match needed.iter().find(|scope| !admitted.scopes.contains(**scope)) {
            None => Ok(Self(admitted.identity)),
            Some(missing) => Err(*missing),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &I {
        &self.0
    }
}

/// Finds out who calls. The generated code asks before each operation that is not for everybody, and checks the scopes.
pub trait Admission: Send + Sync + 'static {
    /// What is known of a caller.
    type Identity: Send + Sync;

    /// The caller with these credentials.
    fn admit(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Admitted<Self::Identity>, NotAdmitted>> + Send;
}

/// Why a caller is turned away before it is known what they may do.
#[derive(Clone, Debug)]
pub enum NotAdmitted {
    /// 401: it is not known who they are.
    Unauthorized(types::Error),
    /// 429 or 503: not now.
    TryLater(TryLater),
}
