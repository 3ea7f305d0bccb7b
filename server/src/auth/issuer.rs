//! The issuer whose tokens are accepted: its current keys, and the verifier of its tokens.

use super::refresh::Refresh;
use super::{InvalidToken, RefreshSettings, TokenRules, VerifiedToken, Verifier};
use crate::domain::clock::Clock;
use std::sync::Arc;
use thiserror::Error;

/// Settings of an issuer.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The rules that its tokens must satisfy.
    pub rules: TokenRules,
    /// How its keys are kept up to date.
    pub refresh: RefreshSettings,
}

/// Why an issuer cannot be used on this machine.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// The HTTP client cannot be created. Usually the machine has no CA certificates.
    #[error("cannot send requests to the issuer: {0}")]
    Http(#[from] reqwest::Error),
    /// The operating system returned no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Why a token does not authenticate its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The token is invalid.
    #[error("{0}")]
    Invalid(#[from] InvalidToken),
    /// The issuer's keys have never been fetched, so no token can be checked.
    #[error("the issuer's keys have not been fetched yet")]
    Unavailable,
}

/// An issuer whose tokens are accepted. Dropping it stops the task that fetches its keys.
pub struct Issuer {
    verifier: Verifier,
    refresh: Refresh,
}

impl Issuer {
    /// Starts to fetch the issuer's keys, and does not wait for them. Requires a tokio runtime.
    ///
    /// # Errors
    /// Fails if this machine cannot send requests or returns no random bytes. An issuer that cannot be reached is not an
    /// error.
    pub fn start(settings: IssuerSettings, clock: Clock) -> Result<Self, IssuerError> {
        let IssuerSettings { rules, refresh } = settings;
        Ok(Self {
            refresh: Refresh::start(rules.issuer.clone(), refresh)?,
            verifier: Verifier::new(rules, clock)?,
        })
    }

    /// Returns whether the keys have been fetched, so that tokens can be checked.
    pub fn is_ready(&self) -> bool {
        self.refresh.keys().is_some()
    }

    /// Verifies a token. A token with an unknown key may wait a few seconds for the issuer; others do not wait.
    ///
    /// # Errors
    /// Returns why the token is rejected, or that no token can be checked yet.
    pub async fn verify(&self, token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        let keys = self.refresh.keys().ok_or(TokenError::Unavailable)?;
        match self.verifier.verify(&keys, token) {
            Err(InvalidToken::UnknownKey) => {}
            verified => return Ok(verified?),
        }
        self.refresh.refetch().await;
        let keys = self.refresh.keys().ok_or(TokenError::Unavailable)?;
        Ok(self.verifier.verify(&keys, token)?)
    }
}
