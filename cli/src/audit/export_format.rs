//! Export formats: newline-delimited JSON and CSV.

use clap::ValueEnum;
use tenant_registry_client::types::AuditEvent;

use crate::failure::Failure;
use crate::printable::is_special;
use crate::{output, printable};

/// The format of an export.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum ExportFormat {
    /// One line of JSON for each event.
    #[default]
    Ndjson,
    /// A header and one record for each event (RFC 4180). Missing values are empty; metadata and targets are JSON. Values that a
    /// spreadsheet would take for a formula begin with `'`, unless `--raw` is given.
    Csv,
}

const COLUMNS: [&str; 18] = [
    "id",
    "created_at",
    "tenant_id",
    "project_id",
    "actor_id",
    "actor_name",
    "actor_type",
    "action",
    "target_id",
    "target_type",
    "target_name",
    "product",
    "metadata",
    "source_ip",
    "user_agent",
    "origin",
    "occurred_at",
    "targets",
];

impl ExportFormat {
    /// The text before the first event.
    pub(super) fn start(self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Ndjson => Ok(Vec::new()),
            Self::Csv => records([Ok(COLUMNS.map(str::to_owned))]),
        }
    }

    /// Formats the events of a page. With `is_raw`, values in CSV are unchanged.
    pub(super) fn page(self, events: Vec<AuditEvent>, is_raw: bool) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Ndjson => {
                let lines = events
                    .iter()
                    .map(|event| Ok(printable::json(&format!("{}\n", output::json(event)?))))
                    .collect::<Result<String, Failure>>()?;
                Ok(lines.into_bytes())
            }
            Self::Csv if is_raw => records(events.into_iter().map(record)),
            Self::Csv => records(events.into_iter().map(|event| Ok(record(event)?.map(safe)))),
        }
    }
}

fn records(records: impl IntoIterator<Item = Result<[String; COLUMNS.len()], Failure>>) -> Result<Vec<u8>, Failure> {
    let format_error = |error: csv::Error| Failure::Format(error.to_string());
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for record in records {
        writer.write_record(record?).map_err(format_error)?;
    }
    writer
        .into_inner()
        .map_err(|error| Failure::Format(error.error().to_string()))
}

/// The values of an event, in the order of [`COLUMNS`].
fn record(event: AuditEvent) -> Result<[String; COLUMNS.len()], Failure> {
    // Destructured in full, so that a new property breaks the build here.
    let AuditEvent {
        id,
        tenant_id,
        project_id,
        actor_id,
        actor_name,
        actor_type,
        action,
        target_id,
        target_type,
        target_name,
        targets,
        product,
        metadata,
        source_ip,
        user_agent,
        occurred_at,
        created_at,
        origin,
    } = event;
    let targets = targets.map(|targets| output::json(&targets)).transpose()?;
    Ok([
        id.to_string(),
        created_at.to_string(),
        or_empty(tenant_id),
        or_empty(project_id),
        or_empty(actor_id),
        or_empty(actor_name),
        or_empty(actor_type),
        action.to_string(),
        or_empty(target_id),
        or_empty(target_type),
        or_empty(target_name),
        or_empty(product),
        or_empty(metadata),
        or_empty(source_ip),
        or_empty(user_agent),
        or_empty(origin),
        or_empty(occurred_at),
        or_empty(targets),
    ])
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Changes a value so that a spreadsheet does not take it for a formula and a terminal does not interpret it.
fn safe(value: String) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let mut safe = String::with_capacity(value.len() + 1);
    if is_formula {
        safe.push('\'');
    }
    for character in value.chars() {
        if is_special(character) && !matches!(character, '\t' | '\r' | '\n') {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}
