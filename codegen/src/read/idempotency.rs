//! Reads whether an operation takes an `Idempotency-Key`, with which a caller can safely repeat a request. The HTTP layer
//! implements this, so the spec must declare all of it or nothing.

use super::conditional;
use super::operations::Context;
use super::{resolve, schemas};
use crate::Error;
use crate::document::Place;
use crate::model::{HeaderParameter, Idempotency, Kind, Method, Operation, Type};

/// The response header that marks a repeated response.
pub(super) const REPLAYED: &str = "Idempotency-Replayed";

/// The header of 409 that is only sent while the first request is still running.
pub(super) const RETRY_AFTER: &str = "Retry-After";

/// The status for a request whose first one is still running.
pub(super) const RUNNING: u16 = 409;

/// The status for another request with the same key, as a key of `responses`.
const REUSED: &str = "422";

/// How the operation takes an `Idempotency-Key`. Returns an error if it declares only a part of what this requires.
pub(super) fn read(root: &Place<'_>, method: Method, operation: &Place<'_>) -> Result<Option<Idempotency>, Error> {
    let parameter = conditional::declaration(root, operation, HeaderParameter::IdempotencyKey)?;
    let mut replayed = Vec::new();
    let mut retry_after = None;
    for (status, response) in operation.require("responses")?.entries()? {
        let response = resolve(root, response, "responses")?;
        if let Some(header) = header(root, &response, REPLAYED)? {
            replayed.push((status, header));
        }
        if status == RUNNING.to_string() {
            retry_after = header(root, &response, RETRY_AFTER)?;
        }
    }
    let Some(parameter) = parameter else {
        return match (replayed.as_slice(), retry_after) {
            ([], None) => Ok(None),
            ([(_, header), ..], _) => Err(header.error(format!(
                "`{REPLAYED}` marks the repeated response to a request with an `Idempotency-Key`; declare the parameter, or \
                 remove the header"
            ))),
            ([], Some(header)) => Err(header.error(format!(
                "{RUNNING} has `{RETRY_AFTER}` while the first request with the same `Idempotency-Key` is running; declare the \
                 parameter, or remove the header"
            ))),
        };
    };
    if method != Method::Post {
        return Err(parameter.error("only POST takes an `Idempotency-Key`; other methods are idempotent or read"));
    }
    if operation.require("responses")?.get(REUSED).is_none() {
        return Err(operation.error(format!(
            "another request with the same `Idempotency-Key` is rejected; declare {REUSED}"
        )));
    }
    let Some(retry_after) = retry_after else {
        return Err(operation.error(format!(
            "a request whose first one is still running is rejected; declare {RUNNING} with the header `{RETRY_AFTER}`"
        )));
    };
    optional_header(&retry_after)?;
    for (status, header) in &replayed {
        if !status.starts_with('2') {
            return Err(header.error(format!(
                "only successes are repeated; remove `{REPLAYED}` from {status}"
            )));
        }
        optional_header(header)?;
        let schema = header.require("schema")?;
        schema.only(&["type"])?;
        if schema.require("type")?.text()? != "boolean" {
            return Err(schema.error(format!("`{REPLAYED}` is `true`; use `type: boolean`")));
        }
    }
    Ok(Some(Idempotency {
        is_replayed: !replayed.is_empty(),
    }))
}

/// The schema of the key.
pub(super) fn schema(context: &Context<'_>, parameter: &Place<'_>) -> Result<String, Error> {
    let schema = parameter.require("schema")?;
    // A schema that has errors is in the names only; its own errors are enough.
    if let Type::Named(name) = schemas::type_of(&schema, &context.schemas.names, &[])?
        && matches!(context.schemas.kind(&name), Some(Kind::Text(_)) | None)
    {
        return Ok(name);
    }
    Err(schema.error("the key is text with a pattern; define a schema for it and refer to it"))
}

fn header<'a>(root: &Place<'a>, response: &Place<'a>, name: &str) -> Result<Option<Place<'a>>, Error> {
    let headers = response.get("headers").map(|it| it.entries()).transpose()?;
    let header = headers
        .unwrap_or_default()
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    header.map(|(_, place)| resolve(root, place, "headers")).transpose()
}

fn optional_header(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["description", "required", "schema", "example", "examples"])?;
    if place.flag("required")? {
        return Err(place.error("the service sends this header only sometimes; remove `required: true`"));
    }
    Ok(())
}

/// The operation must declare what the HTTP layer returns for a request with a key, and have a caller to whom it belongs.
pub(super) fn check_operation(operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    if operation.idempotency.is_none() {
        return Ok(());
    }
    if !operation.access.is_secured() {
        return Err(place.error("an `Idempotency-Key` belongs to a caller, but the operation is public"));
    }
    if !operation.declares_later() || operation.response(500).is_none() {
        return Err(place.error(
            "the store of responses may fail, and a repeated request may have to wait; declare 429, 500 and 503",
        ));
    }
    if operation.body.is_some() && !operation.rejects_bodies() {
        return Err(place.error(
            "a request with an `Idempotency-Key` is recognized by its body, so an invalid one is rejected; declare 413 and 415",
        ));
    }
    let successes = operation.responses.iter().filter(|it| it.status.code < 400);
    if successes.clone().count() > 1 {
        return Err(place.error(
            "the implementation stores the body of a success, but not which status it has; declare a single success",
        ));
    }
    let with_headers = successes
        .chain(operation.response(RUNNING))
        .chain(operation.response(422))
        .find(|it| !it.headers.is_empty());
    match with_headers {
        None => Ok(()),
        Some(response) => Err(place.error(format!(
            "the HTTP layer also returns {}, without the headers that it has here; remove them",
            response.status.code
        ))),
    }
}
