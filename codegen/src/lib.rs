//! Generates the Tenant Registry's Rust from its OpenAPI document.
//!
//! The crate is pure: the text of a spec goes in, the texts of files come out, and nothing is read or written besides.
//! A spec that the generator does not support is refused with its place; there is no input that makes it panic.
//!
//! ```text
//! spec ── document ── read ──► model ──┬─ emit::types
//!                                      ├─ emit::server
//!                                      ├─ emit::http (routes)
//!                                      ├─ emit::cli
//!            └─────────────────────────┴─ client (progenitor)
//! ```

mod client;
mod document;
mod emit;
mod error;
mod fingerprint;
mod imports;
mod library;
mod model;
mod names;
mod print;
mod read;
mod routes;

pub use error::Error;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where, relative to the directory of generated files; steps are separated by `/`.
    pub path: String,
    /// What.
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
/// # Errors
///
/// Fails with the first thing in the spec that is wrong or not supported, and its place.
pub fn generate(spec: &str) -> Result<Vec<GeneratedFile>, Error> {
    let document = document::Node::parse(spec)?;
    let api = read::api(&document)?;
    let mut files = vec![library::emit()?, library::emit_document(&document)];
    files.extend(emit::types::emit(&api)?);
    files.extend(emit::server::emit(&api)?);
    files.extend(emit::http::emit(&api)?);
    files.extend(emit::cli::emit(&api, spec)?);
    files.extend(client::generate(&api, &document.to_json(), spec)?);
    files.sort_by(|first, second| first.path.cmp(&second.path));
    Ok(files)
}

/// The document as JSON, without its places: for tools that change a spec and generate from the result.
///
/// # Errors
///
/// Fails where the text is no YAML document, or not of the kind that JSON can hold.
pub fn to_json(spec: &str) -> Result<serde_json::Value, Error> {
    Ok(document::Node::parse(spec)?.to_json())
}
