//! Emits `lib.rs`, the root of the contract crate, and the spec in JSON.

use crate::document::Node;
use crate::print::rust_source;
use crate::{Error, GeneratedFile};

/// `lib.rs`. The client is not part of it: it has a crate of its own.
pub(crate) fn emit() -> Result<GeneratedFile, Error> {
    let text = rust_source(
        "The contract of the service: everything here is generated from the spec.\n\nImplement the traits in [`server`] \
         with the types in [`types`], and hand the implementation to [`http::api_description`].",
        r#"
        pub mod http;
        pub mod server;
        pub mod types;

        /// The text of the spec from which all of this was generated, in YAML.
        pub const OPENAPI: &str = include_str!("../spec/openapi.yaml");

        /// The same document in JSON.
        pub const OPENAPI_JSON: &str = include_str!("openapi.json");
        "#,
    )?;
    Ok(GeneratedFile::new("lib.rs", text))
}

/// `openapi.json`: for the programs that read no YAML.
pub(crate) fn emit_document(document: &Node) -> GeneratedFile {
    GeneratedFile::new("openapi.json", format!("{:#}\n", document.to_json()))
}
