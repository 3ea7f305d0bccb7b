//! Emits how requests with an `Idempotency-Key` are repeated: the trait `Idempotency`, and its HTTP side.

use std::collections::BTreeSet;

use quote::{format_ident, quote};

use super::http::template;
use super::server;
use super::types::holds_secret;
use crate::model::{Api, Idempotency, Operation, Type};
use crate::print::rust_file;
use crate::{Error, GeneratedFile, error, names};

const SERVER: &str = include_str!("../templates/server_idempotency.rs");
const HTTP: &str = include_str!("../templates/http_idempotency.rs");

/// What `server/idempotency.rs` exports.
pub(super) const EXPORTS: [&str; 6] = [
    "Idempotency",
    "KeyedRequest",
    "Replayable",
    "RequestKey",
    "RunningRequests",
    "StoredResponse",
];

/// Whether any operation takes an `Idempotency-Key`.
pub(super) fn is_any_keyed(api: &Api) -> bool {
    api.operations.iter().any(|it| it.idempotency.is_some())
}

/// `server/idempotency.rs`, if any operation takes an `Idempotency-Key`.
pub(super) fn server_file(api: &Api) -> Result<Option<GeneratedFile>, Error> {
    if !is_any_keyed(api) {
        return Ok(None);
    }
    check(api)?;
    let replayed: BTreeSet<&str> = api
        .operations
        .iter()
        .filter(|it| it.idempotency.as_ref().is_some_and(|it| it.is_replayed))
        .filter_map(|it| it.success()?.body.as_deref())
        .collect();
    let tagged = api.tagged();
    let replayed = replayed.into_iter().map(|schema| {
        let name = format_ident!("{}", names::type_name(schema));
        let entity_tag = tagged.contains(schema).then(|| {
            quote! {
                fn entity_tag(&self) -> ::serde_json::Result<Option<String>> {
                    super::Tagged::digest(self).map(Some)
                }
            }
        });
        quote! { impl Replayable for crate::types::#name { #entity_tag } }
    });
    let template = template(SERVER)?;
    let text = rust_file(
        "How requests with an `Idempotency-Key` are repeated.",
        quote! {
            #template

            #(#replayed)*
        },
    )?;
    Ok(Some(GeneratedFile::new("server/idempotency.rs", text)))
}

/// `http/idempotency.rs`, if any operation takes an `Idempotency-Key`.
pub(super) fn http_file(api: &Api) -> Result<Option<GeneratedFile>, Error> {
    if !is_any_keyed(api) {
        return Ok(None);
    }
    let text = rust_file(
        "Requests with an `Idempotency-Key`: the response to a repeated one is that of the first.",
        template(HTTP)?,
    )?;
    Ok(Some(GeneratedFile::new("http/idempotency.rs", text)))
}

fn check(api: &Api) -> Result<(), Error> {
    let keyed = api
        .operations
        .iter()
        .filter_map(|operation| Some((operation, operation.idempotency?)));
    error::all(keyed.map(|(operation, idempotency)| {
        check_operation(api, operation, idempotency).map_err(|error| error.in_operation(&operation.id))
    }))
    .map(|_: Vec<()>| ())
}

fn check_operation(api: &Api, operation: &Operation, idempotency: Idempotency) -> Result<(), Error> {
    let body = operation.success().and_then(|it| it.body.clone());
    if let Some(body) = &body
        && idempotency.is_replayed
        && !operation.conditions.are_tagged()
        && api.tagged().contains(body.as_str())
    {
        return Err(Error::document(format!(
            "other operations return a `{body}` with its `ETag`, so a repeated response has one; declare `ETag` here, too"
        )));
    }
    let has_secret = body.is_some_and(|body| holds_secret(api, &Type::Named(body)));
    if has_secret && idempotency.is_replayed {
        return Err(Error::document(
            "the success contains a secret and must not be stored, so it is not repeated; remove `Idempotency-Replayed`",
        ));
    }
    if !has_secret && !idempotency.is_replayed {
        return Err(Error::document(
            "a request with an `Idempotency-Key` is repeated; declare the header `Idempotency-Replayed` of the success",
        ));
    }
    if !server::has_server_error(api, operation) {
        return Err(Error::document(
            "500 and 503 have other headers here than in other operations; an operation with an `Idempotency-Key` returns the \
             failures of the store of responses",
        ));
    }
    Ok(())
}
