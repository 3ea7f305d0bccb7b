//! Generates a service and its clients in Rust from an OpenAPI document.
//!
//! The crate is pure: it takes the text of a spec and returns the texts of files. It does no I/O. A spec with something
//! that the generator does not support is an [`Error`] with the place of each [`Fault`]; no spec makes it panic.
//!
//! ```text
//! spec ── document ── read ──► model ──┬─ emit::types    ─┐
//!                                      ├─ emit::server    │
//!                                      ├─ emit::http      ├─ imports ── print ──► files
//!                                      ├─ emit::cli       │
//!                                      └─ client         ─┘
//! ```

mod client;
mod document;
mod emit;
mod error;
mod fingerprint;
mod imports;
mod model;
mod names;
mod print;
mod read;
mod routes;

pub use error::{Error, Fault};

/// The crate of the contract: the server's traits and the HTTP layer.
const CONTRACT: &str = "generated";

/// The types of the schemas. The client's package contains them; the contract crate compiles the same files.
const TYPES: &str = "client/src/types";

const CLIENT: &str = "client/src/generated";

const CLI: &str = "cli/src/generated";

/// The directories of generated files, relative to the root of the workspace. Every Rust file in them is generated.
pub const DIRECTORIES: [&str; 4] = [CLI, CLIENT, TYPES, CONTRACT];

/// A generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// The path relative to the root of the workspace, with `/` as separator.
    pub path: String,
    /// The content.
    pub text: String,
}

impl GeneratedFile {
    fn new(path: impl Into<String>, text: String) -> Self {
        Self {
            path: path.into(),
            text,
        }
    }
}

/// Generates all files from the text of a spec, in YAML or JSON.
///
/// `flags` are the flags that the command line has itself, such as `token_file` for `--token-file`. An argument of a command
/// that would have one of these names gets a longer one.
///
/// # Errors
///
/// Returns every part of the spec that is wrong or not supported, with its place.
pub fn generate(spec: &str, flags: &[&str]) -> Result<Vec<GeneratedFile>, Error> {
    let document = document::Node::parse(spec)?;
    generate_from(&document, spec, flags).map_err(|error| error.located(|id| document.root().operation(id)))
}

fn generate_from(document: &document::Node, spec: &str, flags: &[&str]) -> Result<Vec<GeneratedFile>, Error> {
    let api = read::api(document)?;
    let types = emit::types::emit(&api)?;
    let has_open_enums = types.iter().any(|file| file.text.contains("OpenEnum<"));
    let mut contract = vec![
        emit::contract::library(has_open_enums)?,
        emit::contract::openapi_json(document),
    ];
    contract.extend(emit::server::emit(&api)?);
    contract.extend(emit::http::emit(&api)?);
    let parts = [
        (CONTRACT, contract),
        (TYPES, types),
        (
            CLIENT,
            client::generate(&api, &document.to_json(), spec, has_open_enums)?,
        ),
        (CLI, emit::cli::emit(&api, spec, flags)?),
    ];
    let mut files: Vec<GeneratedFile> = parts
        .into_iter()
        .flat_map(|(directory, files)| {
            files
                .into_iter()
                .map(move |file| GeneratedFile::new(format!("{directory}/{}", file.path), file.text))
        })
        .collect();
    files.sort_by(|first, second| first.path.cmp(&second.path));
    Ok(files)
}

/// Returns the document as JSON. Tools use it to change a spec and to generate from the result.
///
/// # Errors
///
/// Fails if the text is not a YAML document, or contains a value that JSON cannot represent.
pub fn to_json(spec: &str) -> Result<serde_json::Value, Error> {
    Ok(document::Node::parse(spec)?.to_json())
}
