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

/// Authenticates callers, and divides the service among them. For each operation with `security`, the generated code calls
/// [`Admission::admit`], checks the scopes, and then uses the caller's [`Share`].
pub trait Admission: Send + Sync + 'static {
    /// The identity of a caller.
    type Identity: Send + Sync;

    /// The share of a caller, as one request uses it.
    type Share: Share;

    /// Authenticates the caller with these credentials, who calls the operation with this `operationId`.
    fn admit(
        &self,
        metadata: &RequestMetadata,
        operation: &'static str,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Admitted<Self::Identity>, NotAdmitted>> + Send;

    /// The caller's share, of which the request holds nothing yet.
    fn share(&self, identity: &Self::Identity) -> Self::Share;
}

/// What one request holds of its caller's share of the service. Dropping it returns all of it.
pub trait Share: Send + Sync + 'static {
    /// Takes memory for a body of at most this many bytes. Called before the body is read.
    ///
    /// # Errors
    ///
    /// Returns what the caller is told if it has no room.
    fn receive(&mut self, bytes: usize) -> Result<(), TryLater>;

    /// Takes a permit to run. Called when the body has arrived, before it is decoded.
    ///
    /// # Errors
    ///
    /// Returns what the caller is told if it has no room.
    fn start(&mut self) -> Result<(), TryLater>;

    /// Takes a permit to read a page, once it is the caller's turn. Called in place of [`start`](Share::start) if the response
    /// has a maximum number of bytes.
    ///
    /// # Errors
    ///
    /// Returns what the caller is told if it has no room.
    fn start_page(&mut self) -> impl Future<Output = Result<(), TryLater>> + Send;

    /// Runs `work` on a body of this many bytes, such as decoding it. The work does not wait for anything, but may occupy
    /// a processor for as long as a body of this size takes.
    fn process<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send;

    /// Returns the permit, ends the turn, and takes memory for a response of this many bytes in place of the body. The
    /// generated code drops the share when the caller has received the response.
    ///
    /// # Errors
    ///
    /// Returns what the caller is told if it has no room. The share then keeps the memory that it has.
    fn respond(&mut self, bytes: usize) -> Result<(), TryLater>;
}

/// No limits.
impl Share for () {
    fn receive(&mut self, _bytes: usize) -> Result<(), TryLater> {
        Ok(())
    }

    fn start(&mut self) -> Result<(), TryLater> {
        Ok(())
    }

    async fn start_page(&mut self) -> Result<(), TryLater> {
        Ok(())
    }

    async fn process<T: Send + 'static>(&self, _bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }

    fn respond(&mut self, _bytes: usize) -> Result<(), TryLater> {
        Ok(())
    }
}

/// `None` if the request holds nothing and is only rejected.
impl<S: Share> Share for Option<S> {
    fn receive(&mut self, bytes: usize) -> Result<(), TryLater> {
        self.as_mut().map_or(Ok(()), |share| share.receive(bytes))
    }

    fn start(&mut self) -> Result<(), TryLater> {
        self.as_mut().map_or(Ok(()), Share::start)
    }

    async fn start_page(&mut self) -> Result<(), TryLater> {
        match self {
            Some(share) => share.start_page().await,
            None => Ok(()),
        }
    }

    async fn process<T: Send + 'static>(&self, bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Some(share) => share.process(bytes, work).await,
            None => work(),
        }
    }

    fn respond(&mut self, bytes: usize) -> Result<(), TryLater> {
        self.as_mut().map_or(Ok(()), |share| share.respond(bytes))
    }
}

/// Why a caller was rejected before its scopes were checked.
#[derive(Clone, Debug)]
pub enum NotAdmitted {
    /// 401: The caller is not authenticated.
    Unauthorized(types::Error),
    /// 429 or 503.
    TryLater(TryLater),
}
