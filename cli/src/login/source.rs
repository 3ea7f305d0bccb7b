//! The tokens of a stored login, renewed before they expire.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tenant_registry_client::oauth2::{Issuer, Tokens};
use tenant_registry_client::{AccessToken, TokenError, TokenSource};
use tokio::sync::Mutex;

use super::registration;
use super::store::{Login, Store};

/// A source of tokens. Other processes may use the same login.
pub(crate) struct StoredLogin {
    store: Store,
    base_url: String,
    login: Mutex<Login>,
}

impl StoredLogin {
    pub(crate) fn new(store: Store, base_url: String, login: Login) -> Self {
        Self {
            store,
            base_url,
            login: Mutex::new(login),
        }
    }

    /// Renews the login, unless another process just has.
    async fn renew(&self) -> Result<Login, TokenError> {
        // While this process holds the lock, no other one uses the refresh token, which may be valid only once.
        let locked = self.store.lock().await.map_err(TokenError::permanent)?;
        let stored = locked.read(&self.base_url).map_err(TokenError::permanent)?;
        let login = stored.ok_or_else(|| TokenError::permanent("logged out; run `registry login`"))?;
        if !login.is_stale() {
            return Ok(login);
        }
        let tokens = match request(&login).await {
            Ok(tokens) => tokens,
            Err(error) if error.is_retryable() && !login.is_expired() => return Ok(login),
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                return Err(TokenError::permanent(format!(
                    "the login cannot be renewed ({error}); run `registry login`"
                )));
            }
        };
        let login = login.renewed(tokens);
        let written = locked.write(&self.base_url, Some(login.clone()));
        written.map_err(TokenError::permanent)?;
        Ok(login)
    }
}

async fn request(login: &Login) -> Result<Tokens, TokenError> {
    let registration = registration(&login.client_id, login.client_secret_file.as_deref());
    let registration = registration.map_err(TokenError::permanent)?;
    match (&login.client_secret_file, &login.refresh_token) {
        (Some(_), _) => {
            let issuer = Issuer::discover(&login.issuer).await?;
            issuer.client_credentials(&registration, &login.scopes).await
        }
        (None, Some(refresh_token)) => {
            let issuer = Issuer::discover(&login.issuer).await?;
            issuer.refresh(&registration, refresh_token).await
        }
        (None, None) => Err(TokenError::permanent("it has expired")),
    }
}

impl TokenSource for StoredLogin {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        async {
            let mut login = self.login.lock().await;
            if login.is_stale() {
                *login = self.renew().await?;
            }
            AccessToken::new(&login.access_token).map_err(TokenError::permanent)
        }
        .boxed()
    }
}
