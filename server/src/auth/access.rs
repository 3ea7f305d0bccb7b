//! Who is let in: whoever comes, or who has a token of the realm.

use super::{Realm, RealmError, RealmSettings};
use crate::domain::clock::Clock;
use std::sync::Arc;

/// Who is to be let in.
#[derive(Clone, Debug)]
pub enum AccessSettings {
    /// Whoever reaches the port.
    Anybody,
    /// Who has a token of this realm.
    Realm(Box<RealmSettings>),
}

/// Who is let in. Clones share the realm.
#[derive(Clone)]
pub enum Access {
    /// Whoever reaches the port.
    Anybody,
    /// Who has a token of this realm.
    Realm(Arc<Realm>),
}

impl Access {
    /// Begins to fetch the keys of the realm, where there is one.
    ///
    /// # Errors
    /// When no request can be sent from this machine, or it gives no random bytes.
    pub fn start(settings: AccessSettings, clock: Clock) -> Result<Self, RealmError> {
        Ok(match settings {
            AccessSettings::Anybody => Self::Anybody,
            AccessSettings::Realm(settings) => Self::Realm(Arc::new(Realm::start(*settings, clock)?)),
        })
    }

    /// Can callers be told apart? Not before the realm's keys have been fetched once.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Realm(realm) => realm.is_ready(),
        }
    }
}
