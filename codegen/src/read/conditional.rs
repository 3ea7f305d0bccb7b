//! Reads whether an operation is conditional (RFC 9110, section 13): it returns 304 to a caller that sends the entity tag of
//! the current response. The HTTP layer implements this, so the spec must declare all of it or nothing.

use super::resolve;
use crate::Error;
use crate::document::Place;
use crate::model::Method;

/// The request header with the entity tags that the caller knows.
const REQUEST_HEADER: &str = "If-None-Match";

/// The response header with the entity tag.
pub(super) const TAG: &str = "ETag";

/// The status for a caller that has the current response, as a key of `responses`.
pub(super) const STATUS: &str = "304";

/// A header that an operation can have as a parameter. Each has its own rules, so there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderParameter {
    /// The entity tags of earlier responses.
    IfNoneMatch,
    /// Identifies a request and its repetitions.
    IdempotencyKey,
}

impl HeaderParameter {
    const ALL: [Self; 2] = [Self::IfNoneMatch, Self::IdempotencyKey];

    /// The name of the header, as the spec writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::IfNoneMatch => REQUEST_HEADER,
            Self::IdempotencyKey => "Idempotency-Key",
        }
    }
}

/// The header of a parameter; `None` if it is not in a header. Returns an error for a header that is not supported.
pub(super) fn header_parameter(place: &Place<'_>) -> Result<Option<HeaderParameter>, Error> {
    if place.require("in")?.text()? != "header" {
        return Ok(None);
    }
    let name = place.require("name")?;
    let text = name.text()?;
    match HeaderParameter::ALL.into_iter().find(|known| known.name() == text) {
        Some(known) => Ok(Some(known)),
        None => Err(name.error(format!(
            "the only supported parameters in `header` are {}; use `path` or `query`",
            HeaderParameter::ALL
                .map(|known| format!("`{}`", known.name()))
                .join(" and ")
        ))),
    }
}

/// The declaration of a header parameter, if the operation has it.
pub(super) fn declaration<'a>(
    root: &Place<'a>,
    operation: &Place<'a>,
    header: HeaderParameter,
) -> Result<Option<Place<'a>>, Error> {
    let items = operation.get("parameters").map(|it| it.items()).transpose()?;
    for item in items.unwrap_or_default() {
        let item = resolve(root, item, "parameters")?;
        if header_parameter(&item)? == Some(header) {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

/// Is the operation conditional? Returns an error if it declares only a part of what this requires.
pub(super) fn read(root: &Place<'_>, method: Method, operation: &Place<'_>) -> Result<bool, Error> {
    let request_header = declaration(root, operation, HeaderParameter::IfNoneMatch)?;
    let responses = operation.require("responses")?;
    let mut tagged = Vec::new();
    for (status, response) in responses.entries()? {
        if let Some(tag) = tag(root, response)? {
            tagged.push((status, tag));
        }
    }
    let not_modified = responses.get(STATUS);
    if request_header.is_none() && not_modified.is_none() && tagged.is_empty() {
        return Ok(false);
    }
    if method != Method::Get {
        return Err(operation.error("only GET can be conditional"));
    }
    let statuses: Vec<&str> = tagged.iter().map(|(status, _)| *status).collect();
    match (&request_header, &not_modified) {
        (Some(request_header), Some(not_modified)) if matches!(statuses.as_slice(), ["200", STATUS] | [STATUS, "200"]) => {
            check_request_header(request_header)?;
            check_not_modified(root, not_modified)?;
            tagged.iter().try_for_each(|(_, tag)| check_tag(tag))?;
            // A response without content has no entity tag.
            resolve(root, responses.require("200")?, "responses")?.require("content")?;
            Ok(true)
        }
        _ => Err(operation.error(format!(
            "a conditional operation must declare the header parameter `{REQUEST_HEADER}`, the status {STATUS}, and the header \
             `{TAG}` of 200 and {STATUS}; here a part of that is missing"
        ))),
    }
}

fn tag<'a>(root: &Place<'a>, response: Place<'a>) -> Result<Option<Place<'a>>, Error> {
    let Some(headers) = resolve(root, response, "responses")?.get("headers") else {
        return Ok(None);
    };
    for (name, header) in headers.entries()? {
        if name.eq_ignore_ascii_case(TAG) {
            return resolve(root, header, "headers").map(Some);
        }
    }
    Ok(None)
}

fn check_request_header(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["in", "name", "required", "description", "schema", "example", "examples"])?;
    if place.flag("required")? {
        return Err(place.error(format!(
            "`{REQUEST_HEADER}` must be optional, because the first request of a caller has no entity tag"
        )));
    }
    check_text(&place.require("schema")?)
}

fn check_not_modified(root: &Place<'_>, place: &Place<'_>) -> Result<(), Error> {
    let place = resolve(root, place.clone(), "responses")?;
    place.require("description")?.text()?;
    if let Some(content) = place.get("content") {
        return Err(content.error(format!("{STATUS} cannot have content")));
    }
    place.only(&["description", "headers"])?;
    for (name, header) in place.require("headers")?.entries()? {
        if !name.eq_ignore_ascii_case(TAG) {
            return Err(header.error(format!("the only supported header of {STATUS} is `{TAG}`")));
        }
    }
    Ok(())
}

fn check_tag(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["description", "required", "schema", "example", "examples"])?;
    if !place.flag("required")? {
        return Err(place.error("the service always sends this header; add `required: true`"));
    }
    check_text(&place.require("schema")?)
}

/// The schema must be plain text: the HTTP layer checks entity tags itself, and would ignore other rules.
fn check_text(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["type"])?;
    match place.require("type")?.text()? {
        "string" => Ok(()),
        _ => Err(place.error("an entity tag is text; use `type: string`")),
    }
}
