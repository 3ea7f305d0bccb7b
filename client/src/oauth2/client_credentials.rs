//! A source of tokens by client credentials.

use std::fmt;
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::IssuerError;
use super::{Issuer, Registration, Tokens};
use crate::token::{AccessToken, TokenError, TokenSource};

/// Tokens are renewed this long before they expire, or at half of a shorter lifetime.
const MARGIN: Duration = Duration::from_secs(60);

/// The lifetime of a token if the issuer does not say when it expires.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// Requests access tokens by OAuth 2.0 client credentials, and renews them before they expire.
///
/// The first request of the client reads the endpoints of the issuer and requests a token. If the token cannot be renewed,
/// it is used until it expires.
pub struct ClientCredentials {
    issuer: String,
    registration: Registration,
    scopes: Vec<String>,
    state: Mutex<State>,
}

/// What was learned from the issuer. Behind a lock, so that concurrent requests cause one renewal.
#[derive(Default)]
struct State {
    issuer: Option<Issuer>,
    current: Option<Current>,
}

struct Current {
    token: AccessToken,
    renew_at: Instant,
    expires_at: Instant,
}

impl ClientCredentials {
    /// Requests tokens for a client from the issuer with this URL, such as `https://sso.example.com/realms/platform`.
    pub fn new(issuer: impl Into<String>, registration: Registration) -> Self {
        Self {
            issuer: issuer.into(),
            registration,
            scopes: Vec::new(),
            state: Mutex::default(),
        }
    }

    /// Requests these OAuth scopes. Without them, the issuer decides.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    async fn request(&self, issuer: &mut Option<Issuer>) -> Result<Current, TokenError> {
        let discovered = match issuer.take() {
            Some(issuer) => issuer,
            None => Issuer::discover(&self.issuer).await?,
        };
        // Kept only after a success, so that the endpoints are read again if they have changed.
        let tokens = discovered.client_credentials(&self.registration, &self.scopes).await?;
        *issuer = Some(discovered);
        Current::new(&tokens)
    }
}

impl Current {
    fn new(tokens: &Tokens) -> Result<Self, TokenError> {
        let now = Instant::now();
        let lifetime = tokens.expires_at.map_or(DEFAULT_LIFETIME, |expires_at| {
            (expires_at - Utc::now()).to_std().unwrap_or_default()
        });
        let token = AccessToken::new(&tokens.access_token).map_err(|_| IssuerError::Unreadable("token endpoint"))?;
        Ok(Self {
            token,
            renew_at: now + (lifetime - MARGIN.min(lifetime / 2)),
            expires_at: now + lifetime,
        })
    }
}

impl TokenSource for ClientCredentials {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        async {
            let mut state = self.state.lock().await;
            let State { issuer, current } = &mut *state;
            let now = Instant::now();
            if let Some(current) = current.as_ref().filter(|current| now < current.renew_at) {
                return Ok(current.token.clone());
            }
            match self.request(issuer).await {
                Ok(renewed) => Ok(current.insert(renewed).token.clone()),
                Err(error) => match current.as_ref().filter(|current| Instant::now() < current.expires_at) {
                    Some(current) if error.is_retryable() => Ok(current.token.clone()),
                    Some(_) | None => Err(error),
                },
            }
        }
        .boxed()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("issuer", &self.issuer)
            .field("registration", &self.registration)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
