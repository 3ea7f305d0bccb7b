//! What an audit event says about its origin. The match lists every origin, so that a new one requires a decision.

use crate::OpenEnum;
use crate::types::{AuditEvent, AuditEventOrigin};

impl AuditEvent {
    /// Whether the service itself wrote the event, for a change that it made. Callers can append events with the same
    /// action. Returns `false` for events from before version 2.0, whose origin is not known.
    pub fn is_from_service(&self) -> bool {
        match &self.origin {
            Some(OpenEnum::Known(AuditEventOrigin::Service)) => true,
            Some(OpenEnum::Known(AuditEventOrigin::Caller) | OpenEnum::Unknown(_)) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::types::AuditEvent;
    use serde_json::json;

    #[test]
    fn only_an_event_with_the_origin_service_is_from_the_service() {
        for (origin, expected) in [
            (Some("service"), true),
            (Some("caller"), false),
            (Some("later"), false),
            (None, false),
        ] {
            let mut event = json!({
                "id": 1, "action": "api_key.revoked", "metadata": {}, "created_at": "2026-11-23T09:30:00.000000Z",
            });
            if let Some(origin) = origin {
                event["origin"] = origin.into();
            }
            let event: AuditEvent = serde_json::from_value(event).unwrap();
            assert_eq!(event.is_from_service(), expected, "{origin:?}");
        }
    }
}
