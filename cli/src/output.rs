//! How answers are written to standard output.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;
use tenant_registry_client::types;

use crate::failure::Failure;
use crate::generated::Response;
use crate::table;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// As a table.
    #[default]
    Table,
    /// As the JSON that the service answers, indented.
    Json,
}

/// Writes an answer; then fails where it says no.
pub(crate) fn answer(answer: &Response, format: OutputFormat) -> Result<(), Failure> {
    if let Response::Empty = answer {
        return Ok(());
    }
    let value = json(answer)?;
    let text = match format {
        OutputFormat::Json => format!("{value:#}\n"),
        OutputFormat::Table => table::of(&value),
    };
    bytes(text.as_bytes())?;
    if let Response::ApiKeyVerify(types::ApiKeyVerify {
        valid: false, reason, ..
    }) = answer
    {
        return Err(Failure::ApiKeyNotValid(*reason));
    }
    Ok(())
}

/// A value as the service writes it.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::Format(error.to_string()))
}

/// Writes all of it at once.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(bytes)
        .and_then(|()| output.flush())
        .map_err(Failure::output)
}
