//! Writes responses to standard output.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;
use tenant_registry_client::types;

use crate::failure::Failure;
use crate::generated::Response;
use crate::table;

/// The output format of responses.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// A table.
    #[default]
    Table,
    /// The JSON of the response, indented.
    Json,
}

/// Writes a response. Returns an error if it says that an API key is not valid.
pub(crate) fn response(response: &Response, format: OutputFormat) -> Result<(), Failure> {
    if let Response::Empty = response {
        return Ok(());
    }
    let value = json(response)?;
    let text = match format {
        OutputFormat::Json => format!("{value:#}\n"),
        OutputFormat::Table => table::render(&value),
    };
    bytes(text.as_bytes())?;
    if let Response::ApiKeyVerify(types::ApiKeyVerify {
        valid: false, reason, ..
    }) = response
    {
        return Err(Failure::ApiKeyNotValid(*reason));
    }
    Ok(())
}

/// Converts a value to the JSON of the API.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::Format(error.to_string()))
}

/// Writes bytes to standard output and flushes it.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(bytes)
        .and_then(|()| output.flush())
        .map_err(Failure::output)
}
