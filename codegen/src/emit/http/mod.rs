//! Emits `http/`: the dropshot side of the API.

mod handlers;
mod routes;

pub(super) use handlers::arm;

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

use super::template::prune;
use super::{admission, idempotency, server};
use crate::emit::types::holds_secret;
use crate::model::{Api, HeaderParameter, Location, Type};
use crate::print::{rust_file, rust_source};
use crate::{Error, GeneratedFile, names};

const CONTEXT: &str = include_str!("../../templates/http_context.rs");
const CROSS_ORIGIN: &str = include_str!("../../templates/http_cross_origin.rs");
const FIELD_ERRORS: &str = include_str!("../../templates/http_field_errors.rs");
const NEGOTIATION: &str = include_str!("../../templates/http_negotiation.rs");
const REQUEST: &str = include_str!("../../templates/http_request.rs");
const RESPONSE: &str = include_str!("../../templates/http_response.rs");
const SERVICE: &str = include_str!("../../templates/http_service.rs");

/// All files of `http/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    check_tagged(api)?;
    let mut files = Vec::new();
    let mut modules = [
        "context",
        "cross_origin",
        "negotiation",
        "request",
        "response",
        "routes",
        "service",
    ]
    .map(str::to_owned)
    .to_vec();
    for tag in server::tags(api) {
        let module = names::module(&tag.name).to_string();
        files.push(GeneratedFile::new(
            format!("http/{module}.rs"),
            handlers::file(api, tag)?,
        ));
        modules.push(module);
    }
    let handlers: String = files.iter().map(|file| file.text.as_str()).collect();
    if let Some(file) = admission::http_file(api, &handlers)? {
        modules.push("admission".to_owned());
        files.push(file);
    }
    if let Some(file) = idempotency::http_file(api)? {
        modules.push("idempotency".to_owned());
        files.push(file);
    }
    files.push(GeneratedFile::new("http/routes.rs", routes::file(api)?));
    files.push(GeneratedFile::new(
        "http/service.rs",
        rust_source(
            "Responds to every request: checks its head, then passes it on to its operation.",
            SERVICE,
        )?,
    ));
    // Each template keeps what the files before it use.
    let mut code: String = files.iter().map(|file| file.text.as_str()).collect();
    let cross_origin = cross_origin(api);
    for (path, template) in [
        ("http/response.rs", RESPONSE),
        ("http/request.rs", REQUEST),
        ("http/negotiation.rs", NEGOTIATION),
        ("http/context.rs", CONTEXT),
        ("http/cross_origin.rs", &cross_origin),
    ] {
        let (text, _) = prune(template, &code)?;
        code.push_str(&text);
        files.push(GeneratedFile::new(path, text));
    }
    let (text, functions) = prune(FIELD_ERRORS, &code)?;
    if functions > 0 {
        modules.push("field_errors".to_owned());
        files.push(GeneratedFile::new("http/field_errors.rs", text));
    }
    modules.sort_unstable();
    files.push(GeneratedFile::new("http/mod.rs", root(&modules)?));
    Ok(files)
}

/// Exports what the API needs, and what serves other paths by the same rules.
fn root(modules: &[String]) -> Result<String, Error> {
    let modules = modules.iter().map(|name| format_ident!("{name}"));
    rust_file(
        "The API over HTTP.",
        quote! {
            #(mod #modules;)*
            pub use self::context::{
                Limits, ObservedRequest, ObservedResponse, Observer, RequestPolicy, Resources, ServerContext,
            };
            pub use self::cross_origin::AllowedOrigins;
            pub use self::negotiation::{Coding, coding, digest, entity_tag, gzip, is_known};
            pub use self::routes::{api_description, path_of};
            pub use self::service::respond;
        },
    )
}

/// The items of a template.
pub(super) fn template(text: &str) -> Result<TokenStream, Error> {
    syn::parse_file(text)
        .map(ToTokens::into_token_stream)
        .map_err(|error| Error::document(format!("a template of the generator does not parse: {error}")))
}

/// The template with the headers of the spec and of the HTTP layer.
fn cross_origin(api: &Api) -> String {
    let responses = api.operations.iter().flat_map(|it| &it.responses);
    let mut exposed: BTreeSet<String> = responses
        .flat_map(|it| &it.headers)
        .map(|it| it.name.to_ascii_lowercase())
        .collect();
    exposed.insert("x-request-id".to_owned());
    if admission::admitting(api).is_some() {
        exposed.insert("www-authenticate".to_owned());
    }
    let mut accepted = vec!["authorization", "content-type", "traceparent", "tracestate"];
    if api.operations.iter().any(|it| it.conditions.are_tagged()) {
        exposed.insert("etag".to_owned());
    }
    let parameters: Vec<Location> = api
        .operations
        .iter()
        .flat_map(|it| &it.parameters)
        .map(|it| it.location)
        .collect();
    for (header, name) in [
        (HeaderParameter::IfMatch, "if-match"),
        (HeaderParameter::IfNoneMatch, "if-none-match"),
        (HeaderParameter::IdempotencyKey, "idempotency-key"),
    ] {
        if parameters.contains(&Location::Header(header)) {
            accepted.push(name);
        }
    }
    if idempotency::is_any_keyed(api) {
        exposed.extend(["idempotency-replayed", "retry-after"].map(str::to_owned));
    }
    accepted.sort_unstable();
    let exposed: Vec<String> = exposed.into_iter().collect();
    CROSS_ORIGIN
        .replace("{exposed}", &exposed.join(", "))
        .replace("{accepted}", &accepted.join(", "))
}

/// A response with an entity tag is stored by its caller, so it must not contain a secret.
fn check_tagged(api: &Api) -> Result<(), Error> {
    let with_secret = api.operations.iter().find(|operation| {
        let bodies = operation.responses.iter().filter_map(|it| it.body.clone());
        operation.conditions.are_tagged() && bodies.map(Type::Named).any(|body| holds_secret(api, &body))
    });
    match with_secret {
        None => Ok(()),
        Some(operation) => Err(Error::document(
            "the response contains a secret and must not be stored, so it cannot have an entity tag",
        )
        .in_operation(&operation.id)),
    }
}
