//! Emits `http/`: the dropshot side of the API.

mod handlers;
mod routes;

use super::template::prune;
use crate::model::Api;
use crate::print::rust_source;
use crate::{Error, GeneratedFile};

/// The values of `ErrorCode` that the HTTP layer answers by itself.
pub(crate) const ERROR_CODES: [&str; 5] = [
    "invalid_input",
    "not_found",
    "method_not_allowed",
    "payload_too_large",
    "unsupported_media_type",
];

const REQUEST: &str = include_str!("../../templates/http_request.rs");
const RESPONSE: &str = include_str!("../../templates/http_response.rs");

/// All files of `http/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    let mut files = Vec::new();
    let mut code = String::new();
    let mut modules = vec!["request", "response", "routes"];
    for tag in &api.tags {
        if api.operations_of(tag).next().is_none() {
            continue;
        }
        let file = handlers::file(api, tag)?;
        code.push_str(&file);
        files.push(GeneratedFile::new(format!("http/{}.rs", tag.name), file));
        modules.push(&tag.name);
    }
    let routes = routes::file(api)?;
    code.push_str(&routes);
    files.push(GeneratedFile::new("http/routes.rs", routes));
    let (response, _) = prune(RESPONSE, &code)?;
    code.push_str(&response);
    files.push(GeneratedFile::new("http/response.rs", response));
    let (request, _) = prune(REQUEST, &code)?;
    files.push(GeneratedFile::new("http/request.rs", request));
    modules.sort_unstable();
    let declarations: String = modules.iter().map(|name| format!("mod {name};\n")).collect();
    files.push(GeneratedFile::new(
        "http/mod.rs",
        rust_source(
            "The API over HTTP, by dropshot.",
            &format!("{declarations} pub use self::routes::api_description;"),
        )?,
    ));
    Ok(files)
}
