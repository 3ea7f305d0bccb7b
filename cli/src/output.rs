//! Writes responses to standard output.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use tenant_registry_client::types;

use crate::failure::Failure;
use crate::generated::Response;
use crate::json_text;
use crate::printable;
use crate::table::{self, Rendered};

/// The output format of responses.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// A table.
    #[default]
    Table,
    /// The JSON of the response, indented.
    Json,
}

/// The options of the output.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// Output format: a table for people, or JSON for programs. It is the same whether or not the output is a terminal.
    #[arg(
        long,
        global = true,
        env = "TENANT_REGISTRY_OUTPUT",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub(crate) output: OutputFormat,
    /// Columns of the table, such as `id,slug,status`. By default, the table has the columns that fit the terminal, or 80
    /// characters.
    #[arg(long, global = true, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
}

impl OutputOptions {
    /// Whether the output is JSON.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.output, OutputFormat::Json)
    }
}

/// Writes a response. Returns an error if it says that an API key is not valid.
pub(crate) fn response(response: &Response, options: &OutputOptions) -> Result<(), Failure> {
    if let Response::Empty = response {
        return Ok(());
    }
    value(response, options)?;
    if let Response::ApiKeyVerify(types::ApiKeyVerify {
        valid: false, reason, ..
    }) = response
    {
        return Err(Failure::ApiKeyNotValid(reason.clone()));
    }
    Ok(())
}

/// Writes a value.
pub(crate) fn value(value: &impl serde::Serialize, options: &OutputOptions) -> Result<(), Failure> {
    let json = json(value)?;
    let text = match options.output {
        OutputFormat::Json => printable::json(&format!("{}\n", json_text::indented(&json))),
        OutputFormat::Table => {
            let value = json_text::displayed(&json)?;
            let Rendered { text, hidden } = table::render(&value, &options.columns, table::terminal_width());
            if !hidden.is_empty() {
                eprintln!(
                    "note: not shown, because the table would be too wide: {}. Use `--columns` or `--output json`.",
                    hidden.join(", ")
                );
            }
            text
        }
    };
    bytes(text.as_bytes())
}

/// Converts a value to the JSON of the API.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Format(error.to_string()))
}

/// Writes bytes to standard output and flushes it.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(bytes)
        .and_then(|()| output.flush())
        .map_err(Failure::output)
}
