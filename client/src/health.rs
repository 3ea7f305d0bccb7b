//! What a health check says. The match lists every status, so that a new one requires a decision.

use crate::OpenEnum;
use crate::types::{Health, HealthStatus};

impl Health {
    /// Whether the service says that it works. Returns `false` for a status that this version of the client does not
    /// know.
    pub fn is_ok(&self) -> bool {
        match self.status {
            OpenEnum::Known(HealthStatus::Ok) => true,
            OpenEnum::Unknown(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::types::Health;
    use serde_json::json;

    #[test]
    fn only_the_status_ok_is_ok() {
        for (status, expected) in [("ok", true), ("later", false)] {
            let health: Health = serde_json::from_value(json!({ "status": status })).unwrap();
            assert_eq!(health.is_ok(), expected, "{status}");
        }
    }
}
