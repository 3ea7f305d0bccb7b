//! Reads what an operation has to do with entity tags (RFC 9110, section 13): whether a read returns 304 to a caller that has
//! the current response, whether a change returns the entity tag of its result, and whether it takes one as a precondition.
//! The generated code implements all of this, so the spec must declare all of it or nothing.

use super::resolve;
use crate::Error;
use crate::document::Place;
use crate::model::{Conditions, HeaderParameter, Method, Segment, path_text};

/// The response header with the entity tag.
pub(super) const TAG: &str = "ETag";

/// The status for a caller that has the current response, as a key of `responses`.
pub(super) const NOT_MODIFIED: &str = "304";

/// The status for a change to a record that has none of the entity tags in the request, as a key of `responses`.
const PRECONDITION_FAILED: &str = "412";

/// What the schema of `If-Match` must say, because the HTTP layer accepts such a list of entity tags or `*`.
const IF_MATCH_PATTERN: &str = r##"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"##;

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
                .join(", ")
        ))),
    }
}

/// Checks a header parameter.
pub(super) fn check_header_parameter(header: HeaderParameter, place: &Place<'_>) -> Result<(), Error> {
    place.only(&["in", "name", "required", "description", "schema", "example", "examples"])?;
    let schema = place.require("schema")?;
    if place.flag("required")? {
        let reason = match header {
            HeaderParameter::IfNoneMatch => "the first request of a caller has no entity tag",
            HeaderParameter::IfMatch => "a change without it applies to whatever is stored",
            HeaderParameter::IdempotencyKey => "a request without it is not repeated",
        };
        return Err(place.error(format!("`{}` must be optional, because {reason}", header.name())));
    }
    match header {
        HeaderParameter::IfNoneMatch => check_text(&schema),
        // Its type is checked where the parameter is read.
        HeaderParameter::IdempotencyKey => Ok(()),
        HeaderParameter::IfMatch => {
            schema.only(&["type", "pattern"])?;
            let pattern = schema.optional_text("pattern")?;
            if schema.require("type")?.text()? == "string" && pattern.as_deref() == Some(IF_MATCH_PATTERN) {
                Ok(())
            } else {
                Err(schema.error(format!(
                    "the HTTP layer accepts `*` or a list of entity tags; write `type: string` and `pattern: '{IF_MATCH_PATTERN}'`"
                )))
            }
        }
    }
}

/// A response below 300.
struct Success<'a> {
    status: &'a str,
    content: Option<Place<'a>>,
}

impl Success<'_> {
    fn returns(&self, schema: &str) -> bool {
        self.content.as_ref().and_then(schema_name) == Some(schema)
    }
}

/// The parts of an operation that concern entity tags.
struct Declared<'a> {
    if_match: bool,
    if_none_match: bool,
    not_modified: Option<Place<'a>>,
    precondition_failed: bool,
    /// The statuses with `ETag`, and the header.
    tagged: Vec<(&'a str, Place<'a>)>,
    successes: Vec<Success<'a>>,
}

impl<'a> Declared<'a> {
    fn new(root: &Place<'a>, operation: &Place<'a>) -> Result<Self, Error> {
        let responses = operation.require("responses")?;
        let (mut tagged, mut successes) = (Vec::new(), Vec::new());
        for (status, response) in responses.entries()? {
            let response = resolve(root, response, "responses")?;
            if let Some(tag) = tag(root, &response)? {
                tagged.push((status, tag));
            }
            if status.starts_with('2') {
                let content = response.get("content");
                successes.push(Success { status, content });
            }
        }
        Ok(Self {
            if_match: declaration(root, operation, HeaderParameter::IfMatch)?.is_some(),
            if_none_match: declaration(root, operation, HeaderParameter::IfNoneMatch)?.is_some(),
            not_modified: responses.get(NOT_MODIFIED),
            precondition_failed: responses.get(PRECONDITION_FAILED).is_some(),
            tagged,
            successes,
        })
    }

    /// Is the header `ETag` declared for exactly the successes, and have they all a body?
    fn is_every_success_tagged(&self) -> bool {
        let tagged = |status| self.tagged.iter().any(|(it, _)| *it == status);
        self.tagged.len() == self.successes.len()
            && self
                .successes
                .iter()
                .all(|it| it.content.is_some() && tagged(it.status))
    }
}

/// What the operation has to do with entity tags. Returns an error if it declares only a part of what this requires.
pub(super) fn read(
    root: &Place<'_>,
    method: Method,
    path: &[Segment],
    operation: &Place<'_>,
) -> Result<Conditions, Error> {
    let declared = Declared::new(root, operation)?;
    declared.tagged.iter().try_for_each(|(_, tag)| check_tag(tag))?;
    match method {
        Method::Get => read_of(root, &declared, operation),
        Method::Post | Method::Put | Method::Patch | Method::Delete => change(root, path, &declared, operation),
    }
}

fn read_of(root: &Place<'_>, declared: &Declared<'_>, operation: &Place<'_>) -> Result<Conditions, Error> {
    if declared.if_match || declared.precondition_failed {
        return Err(operation.error(format!(
            "`If-Match` and {PRECONDITION_FAILED} are for changes; a read has `If-None-Match` and {NOT_MODIFIED}"
        )));
    }
    let statuses: Vec<&str> = declared.tagged.iter().map(|(status, _)| *status).collect();
    match (declared.if_none_match, &declared.not_modified, statuses.as_slice()) {
        (false, None, []) => Ok(Conditions::None),
        (true, Some(not_modified), ["200", NOT_MODIFIED] | [NOT_MODIFIED, "200"]) => {
            check_not_modified(root, not_modified)?;
            // A response without content has no entity tag.
            resolve(root, operation.require("responses")?.require("200")?, "responses")?.require("content")?;
            Ok(Conditions::Read)
        }
        _ => Err(operation.error(format!(
            "a conditional operation must declare the header parameter `If-None-Match`, the status {NOT_MODIFIED}, and the header \
             `{TAG}` of 200 and {NOT_MODIFIED}; here a part of that is missing"
        ))),
    }
}

fn change(
    root: &Place<'_>,
    path: &[Segment],
    declared: &Declared<'_>,
    operation: &Place<'_>,
) -> Result<Conditions, Error> {
    if declared.if_none_match || declared.not_modified.is_some() {
        return Err(operation.error(format!(
            "only GET can be conditional by `If-None-Match` and {NOT_MODIFIED}; a change has `If-Match` and {PRECONDITION_FAILED}"
        )));
    }
    if declared.if_match != declared.precondition_failed {
        return Err(operation.error(format!(
            "of `If-Match` and {PRECONDITION_FAILED} only one is declared; declare both or neither"
        )));
    }
    let is_tagged = !declared.tagged.is_empty();
    if is_tagged && !declared.is_every_success_tagged() {
        return Err(operation.error(format!(
            "`{TAG}` must be a header of every success, each of which needs a body, and of no other response"
        )));
    }
    let precondition = if declared.if_match {
        let record = record(root, path, operation)?;
        if !is_tagged && declared.successes.iter().any(|it| it.returns(record)) {
            return Err(operation.error(format!(
                "the operation takes the entity tag of a `{record}` and returns the changed one without its new tag; \
                 declare `{TAG}`"
            )));
        }
        Some(record.to_owned())
    } else {
        None
    };
    Ok(if is_tagged || precondition.is_some() {
        Conditions::Change {
            is_tagged,
            precondition,
        }
    } else {
        Conditions::None
    })
}

/// The schema of the record that the operation changes: what GET returns at the same path or, for an action such as
/// `/notes/{id}/archive`, at the nearest path above it.
fn record<'a>(root: &Place<'a>, path: &[Segment], operation: &Place<'_>) -> Result<&'a str, Error> {
    let paths = root.require("paths")?;
    let nearest = (1..=path.len())
        .rev()
        .map(|length| path_text(&path[..length]))
        .find_map(|text| paths.get(&text)?.get(Method::Get.key()).map(|get| (text, get)));
    let Some((text, get)) = nearest else {
        return Err(operation.error(
            "`If-Match` is compared with the entity tag of what GET returns at the same path, or at the nearest path above; \
             there is no GET",
        ));
    };
    let response = get.require("responses")?.get("200");
    let response = response.map(|it| resolve(root, it, "responses")).transpose()?;
    let tagged = match response {
        Some(response) if tag(root, &response)?.is_some() => response.get("content"),
        Some(_) | None => None,
    };
    tagged.as_ref().and_then(schema_name).ok_or_else(|| {
        operation.error(format!(
            "`If-Match` is compared with the entity tag that GET returns at `{text}`; declare `{TAG}` there"
        ))
    })
}

/// The name of the schema of a JSON body. Its errors are reported where the body is read.
fn schema_name<'a>(content: &Place<'a>) -> Option<&'a str> {
    let reference = content.get("application/json")?.get("schema")?.get("$ref")?;
    reference.text().ok()?.strip_prefix("#/components/schemas/")
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

fn tag<'a>(root: &Place<'a>, response: &Place<'a>) -> Result<Option<Place<'a>>, Error> {
    let Some(headers) = response.get("headers") else {
        return Ok(None);
    };
    for (name, header) in headers.entries()? {
        if name.eq_ignore_ascii_case(TAG) {
            return resolve(root, header, "headers").map(Some);
        }
    }
    Ok(None)
}

fn check_not_modified(root: &Place<'_>, place: &Place<'_>) -> Result<(), Error> {
    let place = resolve(root, place.clone(), "responses")?;
    place.require("description")?.text()?;
    if let Some(content) = place.get("content") {
        return Err(content.error(format!("{NOT_MODIFIED} cannot have content")));
    }
    place.only(&["description", "headers"])?;
    for (name, header) in place.require("headers")?.entries()? {
        if !name.eq_ignore_ascii_case(TAG) {
            return Err(header.error(format!("the only supported header of {NOT_MODIFIED} is `{TAG}`")));
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
