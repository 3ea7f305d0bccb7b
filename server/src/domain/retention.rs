//! Retention: what the log says about its own pruning, the one exception from append-only.

use crate::records::NewAuditEvent;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use tenant_registry_contract::types::{ActorId, AuditAction, ConstraintError, Text};

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is deleted yet; logged first, so that a run which is cut off has left its trace.
    Started,
    /// All is deleted that was to be.
    Done {
        /// How many events.
        deleted: u64,
    },
}

/// The event about a run that deletes what happened before a time. `operator` is whoever runs it, as the store knows him.
///
/// # Errors
/// When the spec no longer admits what the event says.
pub fn prune_event(
    progress: Progress,
    before: DateTime<Utc>,
    operator: &str,
    now: DateTime<Utc>,
) -> Result<NewAuditEvent, ConstraintError> {
    let mut metadata = Map::new();
    metadata.insert(
        "before".to_owned(),
        before.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
    );
    let action = match progress {
        Progress::Started => "audit.prune_started",
        Progress::Done { deleted } => {
            metadata.insert("deleted".to_owned(), Value::from(deleted));
            "audit.pruned"
        }
    };
    Ok(NewAuditEvent {
        tenant_id: None,
        project_id: None,
        actor_id: Some(ActorId::try_from(operator)?),
        actor_name: None,
        actor_type: Some(Text::try_from("operator")?),
        action: AuditAction::try_from(action)?,
        target_id: None,
        target_type: Some(Text::try_from("audit_log")?),
        target_name: None,
        product: None,
        metadata: Some(metadata),
        source_ip: None,
        user_agent: None,
        created_at: now,
    })
}
