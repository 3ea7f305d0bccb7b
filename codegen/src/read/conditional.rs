//! Reads whether an operation is conditional (RFC 9110, section 13): a caller that sends the tag of the answer it has is
//! told 304 while that is still the answer. The HTTP layer does all of it, so the spec declares all of it, or nothing.

use super::resolve;
use crate::Error;
use crate::document::Place;
use crate::model::Method;

/// What a caller sends: the tags of the answers that it has.
const QUESTION: &str = "If-None-Match";

/// The header with the tag of an answer.
pub(super) const TAG: &str = "ETag";

/// The answer to a caller that has it already; the key of `responses`.
pub(super) const STATUS: &str = "304";

/// Is a parameter the header that asks? Every other header is refused.
pub(super) fn is_header_parameter(place: &Place<'_>) -> Result<bool, Error> {
    let kind = place.require("in")?;
    if kind.text()? != "header" {
        return Ok(false);
    }
    let name = place.require("name")?;
    if name.text()? == QUESTION {
        Ok(true)
    } else {
        Err(name.fault(format!(
            "parameters in `header` are not supported, but for `{QUESTION}`; use `path` or `query`"
        )))
    }
}

/// Is the operation conditional? One that declares a part of it alone is refused.
pub(super) fn read(root: &Place<'_>, method: Method, operation: &Place<'_>) -> Result<bool, Error> {
    let question = question(root, operation)?;
    let responses = operation.require("responses")?;
    let mut tagged = Vec::new();
    for (status, response) in responses.entries()? {
        if let Some(tag) = tag(root, response)? {
            tagged.push((status, tag));
        }
    }
    let answer = responses.get(STATUS);
    if question.is_none() && answer.is_none() && tagged.is_empty() {
        return Ok(false);
    }
    if method != Method::Get {
        return Err(operation.fault("only GET can be conditional; whatever changes something is done each time"));
    }
    let statuses: Vec<&str> = tagged.iter().map(|(status, _)| *status).collect();
    match (&question, &answer) {
        (Some(question), Some(answer)) if matches!(statuses.as_slice(), ["200", STATUS] | [STATUS, "200"]) => {
            check_question(question)?;
            check_answer(root, answer)?;
            tagged.iter().try_for_each(|(_, tag)| check_tag(tag))?;
            // What has no content has nothing to tag.
            resolve(root, responses.require("200")?, "responses")?.require("content")?;
            Ok(true)
        }
        _ => Err(operation.fault(format!(
            "a conditional operation declares the header parameter `{QUESTION}`, a {STATUS}, and the header `{TAG}` of \
             200 and of {STATUS}; here is a part of that alone"
        ))),
    }
}

fn question<'a>(root: &Place<'a>, operation: &Place<'a>) -> Result<Option<Place<'a>>, Error> {
    let items = operation.get("parameters").map(|it| it.items()).transpose()?;
    for item in items.unwrap_or_default() {
        let item = resolve(root, item, "parameters")?;
        if is_header_parameter(&item)? {
            return Ok(Some(item));
        }
    }
    Ok(None)
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

fn check_question(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["in", "name", "required", "description", "schema", "example", "examples"])?;
    if place.flag("required")? {
        return Err(place.fault(format!(
            "`{QUESTION}` is optional: a caller has nothing to name at first"
        )));
    }
    check_text(&place.require("schema")?)
}

fn check_answer(root: &Place<'_>, place: &Place<'_>) -> Result<(), Error> {
    let place = resolve(root, place.clone(), "responses")?;
    place.require("description")?.text()?;
    if let Some(content) = place.get("content") {
        return Err(content.fault(format!("{STATUS} has no content")));
    }
    place.only(&["description", "headers"])?;
    for (name, header) in place.require("headers")?.entries()? {
        if !name.eq_ignore_ascii_case(TAG) {
            return Err(header.fault(format!("{STATUS} carries `{TAG}` alone")));
        }
    }
    Ok(())
}

fn check_tag(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["description", "required", "schema", "example", "examples"])?;
    if !place.flag("required")? {
        return Err(place.fault("a response header is sent always; say `required: true`"));
    }
    check_text(&place.require("schema")?)
}

/// The HTTP layer knows what tags look like; a rule of the spec's would be one that nobody checks.
fn check_text(place: &Place<'_>) -> Result<(), Error> {
    place.only(&["type"])?;
    match place.require("type")?.text()? {
        "string" => Ok(()),
        _ => Err(place.fault("tags are text; write `type: string`")),
    }
}
