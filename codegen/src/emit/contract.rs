//! Emits the root of the contract crate, and the spec as JSON.

use quote::quote;

use crate::document::Node;
use crate::print::rust_file;
use crate::{Error, GeneratedFile};

/// `lib.rs`. The types are part of the client's package, because only the client is published.
/// `has_open_enums` says whether they use `OpenEnum`.
pub(crate) fn library(has_open_enums: bool) -> Result<GeneratedFile, Error> {
    let open_enum = has_open_enums.then(|| {
        quote! {
            /// An enum in a response. Clients accept values that they do not know. The service sends only values of the
            /// spec, so here it is the enum itself.
            pub type OpenEnum<T> = T;
        }
    });
    let text = rust_file(
        "The contract of the service, generated from the spec.\n\nImplement the traits in `server` with the types in \
         `types`, and pass the implementation to `http::ServerContext`.",
        quote! {
            pub mod http;
            pub mod server;

            #[path = "../client/src/types/mod.rs"]
            pub mod types;

            #open_enum

            /// The spec in YAML, from which this crate was generated.
            pub const OPENAPI: &str = include_str!("../spec/openapi.yaml");

            /// The spec in JSON.
            pub const OPENAPI_JSON: &str = include_str!("openapi.json");
        },
    )?;
    Ok(GeneratedFile::new("lib.rs", text))
}

/// `openapi.json`, for programs that do not read YAML.
pub(crate) fn openapi_json(document: &Node) -> GeneratedFile {
    GeneratedFile::new("openapi.json", format!("{:#}\n", document.to_json()))
}
