//! Reads the responses of an operation, and their headers.

use super::operations::Context;
use super::{bodies, conditional, idempotency, resolve, schemas, security, status};
use crate::Error;
use crate::document::Place;
use crate::error;
use crate::model::{Header, Kind, Response, Type};
use crate::names::{self, Scope};

/// The responses of an operation, except 304, which only the HTTP layer returns.
pub(super) fn all(context: &Context<'_>, place: &Place<'_>) -> Result<Vec<Response>, Error> {
    let entries = place.entries()?;
    let declared = entries.iter().filter(|(key, _)| *key != conditional::NOT_MODIFIED);
    let responses = error::all(declared.map(|(key, entry)| response(context, key, entry)))?;
    let mut successes = responses.iter().filter(|it| it.status.code < 400);
    let Some(first) = successes.next() else {
        return Err(place.error("there is no response below 400; declare at least one"));
    };
    match successes.find(|it| it.body != first.body) {
        None => Ok(responses),
        Some(other) => Err(place.error(format!(
            "{} and {} have different bodies; give all responses below 400 the same one, because the client returns one type",
            first.status.code, other.status.code
        ))),
    }
}

fn response(context: &Context<'_>, key: &str, entry: &Place<'_>) -> Result<Response, Error> {
    let status = status::read(key, entry)?;
    let entry = resolve(context.root, entry.clone(), "responses")?;
    entry.only(&["description", "headers", "content"])?;
    let body = entry
        .get("content")
        .map(|it| bodies::content(context, &it))
        .transpose()?;
    match &body {
        Some(name) if status.code >= 400 && name != "Error" => {
            return Err(entry.error(format!(
                "the body of {key} is `{name}`; the body of an error must be `Error`"
            )));
        }
        None if status.code >= 400 => {
            return Err(entry.error(format!("{key} has no body; the body of an error must be `Error`")));
        }
        Some(_) | None => {}
    }
    if body.is_some() && status.code == 204 {
        return Err(entry.error("204 cannot have content"));
    }
    Ok(Response {
        status,
        description: entry.require("description")?.text()?.trim().to_owned(),
        body,
        headers: headers(context, status.code, &entry)?,
    })
}

fn headers(context: &Context<'_>, status: u16, place: &Place<'_>) -> Result<Vec<Header>, Error> {
    let Some(headers) = place.get("headers") else {
        return Ok(Vec::new());
    };
    let mut scope = Scope::default();
    let of_http_layer = [conditional::TAG, security::CHALLENGE, idempotency::REPLAYED];
    let of_operation = headers.entries()?.into_iter().filter(|(name, _)| {
        let is_while_running = status == idempotency::RUNNING && name.eq_ignore_ascii_case(idempotency::RETRY_AFTER);
        !is_while_running && !of_http_layer.iter().any(|it| name.eq_ignore_ascii_case(it))
    });
    error::all(of_operation.map(|(name, entry)| {
        names::check_header(&entry, name)?;
        scope.add("field", &names::header_field(name).to_string(), &entry)?;
        let entry = resolve(context.root, entry, "headers")?;
        entry.only(&["description", "required", "schema", "example", "examples"])?;
        if !entry.flag("required")? {
            return Err(entry.error("the service always sends this header; add `required: true`"));
        }
        let schema = entry.require("schema")?;
        let ty = schemas::type_of(&schema, &context.schemas.names, &[])?;
        let is_number = match &ty {
            Type::Integer(_) => true,
            Type::Named(name) => matches!(context.schemas.kind(name), Some(Kind::Integer(_)) | None),
            Type::String | Type::Boolean | Type::Number | Type::Formatted(_) | Type::Array(_) | Type::FreeForm => false,
        };
        if !is_number {
            return Err(schema.error("a response header must be an integer, because text would need escaping rules"));
        }
        Ok(Header {
            name: name.to_owned(),
            description: entry.optional_text("description")?,
            ty,
        })
    }))
}
