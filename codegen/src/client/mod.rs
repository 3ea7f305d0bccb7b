//! Generates the Rust client from what progenitor generates for the spec.
//!
//! The files become `crate::generated` of a crate that defines `crate::types` (the generated types), `crate::Transport` with
//! `impl progenitor_client::ClientHooks<Transport> for generated::Client` (how requests are sent) and the method `prepare`,
//! which is called before each request and may return a `crate::Error`, and `crate::Error` with
//! `From<progenitor_client::Error<types::Error>>` (the error that callers get). The crate re-exports `OpenEnum`, if there is
//! one, at its root. If an operation takes an `Idempotency-Key`, `crate::idempotency_key` has the constant `HEADER` and the
//! function `of_request`, which returns the key that the caller chose, or a new one.

mod builders;
mod documentation;
mod list;
mod lowering;
mod mock;
mod operations;
mod parts;
mod progenitor;
mod send;
#[cfg(test)]
mod tests;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use self::parts::Parts;
use crate::emit::template::prune;
use crate::fingerprint::fnv_1a;
use crate::model::{Api, Tag};
use crate::print;
use crate::{Error, GeneratedFile, names};

const OPEN_ENUM: &str = include_str!("../templates/open_enum.rs");

/// All files of the client. `text` is the spec that `document` and `api` were read from; `has_open_enums` says whether the
/// types use `OpenEnum`.
pub(crate) fn generate(
    api: &Api,
    document: &Value,
    text: &str,
    has_open_enums: bool,
) -> Result<Vec<GeneratedFile>, Error> {
    let info = |key: &str| document["info"][key].as_str().unwrap_or_default().trim();
    let mut parts = Parts::new(progenitor::generate(api, info("version"))?)?;
    let tags: Vec<&Tag> = api
        .tags
        .iter()
        .filter(|tag| api.operations_of(tag).next().is_some())
        .collect();

    let mut files = vec![
        file(
            "mod.rs",
            &format!("The Rust client of the {}.", info("title")),
            client(api, &parts, &info, text, has_open_enums),
        )?,
        file(
            "operation.rs",
            "The operations of the API, by name.",
            operations::items(api),
        )?,
        file(
            "builder/mod.rs",
            "The request builders. Set the parameters and the body, then call `send`.",
            modules(&tags),
        )?,
    ];
    files.push(file(
        "mock.rs",
        "A mock of the service for tests, with the crate `httpmock`.",
        mock::items(api, info("version"))?,
    )?);
    if has_open_enums {
        files.push(GeneratedFile::new(
            "open_enum.rs",
            prune(OPEN_ENUM, "open_enum::OpenEnum")?.0,
        ));
    }
    let error = error_type(api);
    for tag in tags {
        // For the methods of streams.
        let has_lists = api
            .operations_of(tag)
            .any(|operation| list::items(api, operation).is_some());
        let streams = has_lists.then(|| quote! { use futures_util::TryStreamExt; });
        let builders = api
            .operations_of(tag)
            .map(|operation| builders::builder(api, operation, &parts.take(operation)?, &error))
            .collect::<Result<Vec<_>, Error>>()?;
        files.push(file(
            &format!("builder/{}.rs", names::module(&tag.name)),
            &documentation::tag(api, &tag.name),
            quote! {
                #streams
                use progenitor_client::{ClientHooks, ClientInfo};

                #(#builders)*
            },
        )?);
    }
    Ok(files)
}

/// The client: a struct with one method for each operation.
fn client<'a>(
    api: &Api,
    parts: &Parts,
    info: &impl Fn(&str) -> &'a str,
    text: &str,
    has_open_enums: bool,
) -> TokenStream {
    let documentation = documentation::client(info("title"), info("description"));
    let open_enum = has_open_enums.then(|| {
        quote! {
            mod open_enum;
            pub use self::open_enum::OpenEnum;
        }
    });
    let fingerprint = Literal::u64_unsuffixed(fnv_1a(text));
    let client_info = &parts.client_info;
    let methods = api.operations.iter().map(|operation| {
        let documentation = documentation::method(operation);
        let id = format_ident!("{}", operation.id);
        let builder = documentation::type_name(operation);
        quote! {
            #documentation
            pub fn #id(&self) -> builder::#builder<'_> {
                builder::#builder::new(self)
            }
        }
    });
    quote! {
        pub mod builder;
        #[cfg(feature = "mock")]
        #[expect(clippy::expect_used, reason = "the generator wrote the patterns")]
        pub mod mock;
        mod operation;
        #open_enum

        pub use self::operation::Operation;

        /// Identifies the spec that these files were generated from: the 64-bit FNV-1a hash of its text.
        pub const SPEC_FINGERPRINT: u64 = #fingerprint;

        #documentation
        #[derive(Clone, Debug)]
        pub struct Client {
            pub(crate) baseurl: String,
            pub(crate) client: ::reqwest::Client,
            pub(crate) inner: crate::Transport,
        }

        #client_info

        impl Client {
            #(#methods)*
        }
    }
}

fn modules(tags: &[&Tag]) -> TokenStream {
    let names = tags.iter().map(|tag| names::module(&tag.name));
    let globs = names.clone();
    quote! {
        #( mod #names; )*
        #( pub use self::#globs::*; )*
    }
}

/// The type of error bodies, which is `Error` for every operation that has any.
fn error_type(api: &Api) -> TokenStream {
    let declared = api
        .operations
        .iter()
        .any(|operation| operation.responses.iter().any(|it| it.status.code >= 400));
    if declared {
        quote! { crate::types::Error }
    } else {
        quote! { () }
    }
}

fn file(path: &str, documentation: &str, items: TokenStream) -> Result<GeneratedFile, Error> {
    Ok(GeneratedFile::new(path, print::rust_file(documentation, items)?))
}
