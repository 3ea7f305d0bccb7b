//! Emits `http/`: the dropshot side of the API.

mod handlers;
mod routes;

pub(super) use handlers::arm;

use std::collections::BTreeSet;

use super::admission;
use super::template::prune;
use crate::emit::types::holds_secret;
use crate::model::{Api, Type};
use crate::print::rust_source;
use crate::{Error, GeneratedFile};

const CROSS_ORIGIN: &str = include_str!("../../templates/http_cross_origin.rs");
const NEGOTIATION: &str = include_str!("../../templates/http_negotiation.rs");
const REQUEST: &str = include_str!("../../templates/http_request.rs");
const RESPONSE: &str = include_str!("../../templates/http_response.rs");
const SERVICE: &str = include_str!("../../templates/http_service.rs");

/// What is served beside the API is answered by the same rules.
const EXPORTS: &str = "
pub use self::cross_origin::AllowedOrigins;
pub use self::negotiation::{Coding, coding, digest, entity_tag, gzip, is_known};
pub use self::response::answer_beside;
pub use self::routes::{NoVariables, api_description, path_of, refuse_others, register_unlisted};
pub use self::service::{Limits, ObservedAnswer, ObservedRequest, Observer, Service};
";

/// All files of `http/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    check_conditional(api)?;
    let mut files = Vec::new();
    let mut code = String::new();
    let mut modules = vec![
        "cross_origin",
        "negotiation",
        "request",
        "response",
        "routes",
        "service",
    ];
    for tag in &api.tags {
        if api.operations_of(tag).next().is_none() {
            continue;
        }
        let file = handlers::file(api, tag)?;
        code.push_str(&file);
        files.push(GeneratedFile::new(format!("http/{}.rs", tag.name), file));
        modules.push(&tag.name);
    }
    if let Some(file) = admission::http_file(api)? {
        code.push_str(&file.text);
        modules.push("admission");
        files.push(file);
    }
    let routes = routes::file(api)?;
    code.push_str(&routes);
    files.push(GeneratedFile::new("http/routes.rs", routes));
    let (response, _) = prune(RESPONSE, &code)?;
    code.push_str(&response);
    files.push(GeneratedFile::new("http/response.rs", response));
    let (request, _) = prune(REQUEST, &code)?;
    files.push(GeneratedFile::new("http/request.rs", request));
    let (negotiation, _) = prune(NEGOTIATION, &code)?;
    files.push(GeneratedFile::new("http/negotiation.rs", negotiation));
    let (service, _) = prune(SERVICE, &code)?;
    code.push_str(&service);
    files.push(GeneratedFile::new("http/service.rs", service));
    let (cross_origin, _) = prune(&cross_origin(api), &code)?;
    files.push(GeneratedFile::new("http/cross_origin.rs", cross_origin));
    modules.sort_unstable();
    let declarations: String = modules.iter().map(|name| format!("mod {name};\n")).collect();
    files.push(GeneratedFile::new(
        "http/mod.rs",
        rust_source("The API over HTTP, by dropshot.", &format!("{declarations}{EXPORTS}"))?,
    ));
    Ok(files)
}

/// The template with the headers that the spec and the HTTP layer know.
fn cross_origin(api: &Api) -> String {
    let is_any_conditional = api.operations.iter().any(|it| it.is_conditional);
    let responses = api.operations.iter().flat_map(|it| &it.responses);
    let mut exposed: BTreeSet<String> = responses
        .flat_map(|it| &it.headers)
        .map(|it| it.name.to_ascii_lowercase())
        .collect();
    exposed.insert("x-request-id".to_owned());
    if admission::admitting(api).is_some() {
        exposed.insert("www-authenticate".to_owned());
    }
    let mut accepted = vec!["authorization", "content-type"];
    if is_any_conditional {
        exposed.insert("etag".to_owned());
        accepted.push("if-none-match");
    }
    let exposed: Vec<String> = exposed.into_iter().collect();
    CROSS_ORIGIN
        .replace("{exposed}", &exposed.join(", "))
        .replace("{accepted}", &accepted.join(", "))
}

/// What nobody may keep, nobody can ask about by its tag.
fn check_conditional(api: &Api) -> Result<(), Error> {
    let with_secret = api.operations.iter().find(|operation| {
        let bodies = operation.responses.iter().filter_map(|it| it.body.clone());
        operation.is_conditional && bodies.map(Type::Named).any(|body| holds_secret(api, &body))
    });
    match with_secret {
        None => Ok(()),
        Some(operation) => Err(Error {
            pointer: format!("paths.{}.{}", operation.path_text(), operation.method.key()),
            ..Error::document("the answer holds a secret, of which nobody keeps a copy: it cannot be conditional")
        }
        .in_operation(&operation.id)),
    }
}
