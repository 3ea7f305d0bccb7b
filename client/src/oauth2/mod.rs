//! OAuth 2.0: requests access tokens from an OpenID Connect provider and renews them.
//!
//! A program gets its tokens by client credentials:
//!
//! ```no_run
//! use tenant_registry_client::Client;
//! use tenant_registry_client::oauth2::{ClientCredentials, Registration};
//!
//! # fn secret() -> String { String::new() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let billing = Registration::new("billing").secret(secret());
//! let tokens = ClientCredentials::new("https://sso.example.com/realms/platform", billing);
//! let registry = Client::builder("https://tenant-registry.example.com")
//!     .token_source(tokens)
//!     .build()?;
//! # Ok(())
//! # }
//! ```

mod client_credentials;
mod error;
mod http;
mod issuer;

use std::fmt;

use ::oauth2::TokenResponse;
use ::oauth2::basic::BasicTokenResponse;
use chrono::{DateTime, Utc};

pub use self::client_credentials::ClientCredentials;
pub use self::issuer::{DeviceLogin, Issuer};

/// A client that is registered with the issuer. `Debug` does not show its secret.
#[derive(Clone, Debug)]
pub struct Registration {
    id: ::oauth2::ClientId,
    secret: Option<::oauth2::ClientSecret>,
}

impl Registration {
    /// A public client, which has no secret.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            id: ::oauth2::ClientId::new(client_id.into()),
            secret: None,
        }
    }

    /// Sets the secret of a confidential client.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(::oauth2::ClientSecret::new(secret.into()));
        self
    }
}

/// The tokens that the issuer returned. `Debug` does not show them.
#[derive(Clone)]
pub struct Tokens {
    /// The token that requests contain.
    pub access_token: String,
    /// When the access token expires, if the issuer says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// The token to get the next access token with, if the issuer allows that.
    pub refresh_token: Option<String>,
}

impl Tokens {
    fn new(response: &BasicTokenResponse, now: DateTime<Utc>) -> Self {
        Self {
            access_token: response.access_token().secret().clone(),
            expires_at: response
                .expires_in()
                .and_then(|lifetime| now.checked_add_signed(chrono::TimeDelta::from_std(lifetime).ok()?)),
            refresh_token: response.refresh_token().map(|token| token.secret().clone()),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
