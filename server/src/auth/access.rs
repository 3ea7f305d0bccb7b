//! Access to the service: open to everyone, or limited to callers with a token of the issuer.

use super::{Issuer, IssuerError, IssuerSettings};
use crate::domain::clock::Clock;
use std::sync::Arc;

/// The settings of [`Access`].
#[derive(Clone, Debug)]
pub enum AccessSettings {
    /// Everyone who can reach the port, without authentication.
    Open,
    /// Callers with a token of this issuer.
    Issuer(Box<IssuerSettings>),
}

/// Whether callers must authenticate, and with which issuer. Clones share the issuer.
#[derive(Clone)]
pub enum Access {
    /// Everyone who can reach the port, without authentication.
    Open,
    /// Callers with a token of this issuer.
    Issuer(Arc<Issuer>),
}

impl Access {
    /// Starts to fetch the issuer's keys, if there is an issuer.
    ///
    /// # Errors
    /// Fails if this machine cannot send requests or returns no random bytes.
    pub fn start(settings: AccessSettings, clock: Clock) -> Result<Self, IssuerError> {
        Ok(match settings {
            AccessSettings::Open => Self::Open,
            AccessSettings::Issuer(settings) => Self::Issuer(Arc::new(Issuer::start(*settings, clock)?)),
        })
    }

    /// Returns whether callers can be authenticated. With an issuer, its keys must have been fetched once.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Issuer(issuer) => issuer.is_ready(),
        }
    }
}
