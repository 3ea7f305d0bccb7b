//! What a health check says. The match lists every status, so that a new one requires a decision.

use crate::OpenEnum;
use crate::types::{Health, HealthStatus};

impl Health {
    /// Whether the service says that it works. A status that this version of the client does not know says nothing.
    pub fn is_ok(&self) -> bool {
        match self.status {
            OpenEnum::Known(HealthStatus::Ok) => true,
            OpenEnum::Unknown(_) => false,
        }
    }
}
