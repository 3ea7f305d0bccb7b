//! Reads the operations, and checks what dropshot, progenitor and the traits require of them.

use std::collections::{BTreeMap, BTreeSet};

use super::schemas::Schemas;
use super::{bodies, conditional, idempotency, parameters, responses, scopes, security};
use crate::document::Place;
use crate::error::{self, Faults};
use crate::model::{
    CALLER_ERROR_CODES, ERROR_CODES, KEY_ERROR_CODES, Kind, Method, Operation, Property, Schema, Scheme, Segment, Tag,
    Type,
};
use crate::{Error, names};

/// What the operations refer to.
pub(super) struct Context<'a> {
    pub(super) root: &'a Place<'a>,
    /// `None` if they have errors.
    pub(super) tags: Option<&'a [Tag]>,
    pub(super) schemas: &'a Schemas<'a>,
    /// `None` if it has errors.
    pub(super) scheme: Option<Option<&'a Scheme>>,
}

/// All operations, in the order of the document.
pub(super) fn all(context: &Context<'_>) -> Result<Vec<Operation>, Error> {
    let mut faults = Faults::default();
    let mut ids = BTreeMap::new();
    let mut operations = Vec::new();
    let mut members = 0;
    let mut shapes = BTreeMap::new();
    for (text, item) in context.root.require("paths")?.entries()? {
        let path = faults.keep(path(&item, text));
        if let Some(other) = path.as_deref().and_then(|path| shapes.insert(shape(path), text)) {
            let message = format!("`{text}` and `{other}` are the same path; give the variables one name");
            faults.add(item.error(message));
        }
        for (key, place) in faults.keep(item.entries()).unwrap_or_default() {
            members += 1;
            let Some(method) = Method::ALL.into_iter().find(|method| method.key() == key) else {
                faults.add(place.error(format!(
                    "`{key}` is not a supported method; declare parameters in the operation"
                )));
                continue;
            };
            let Some(operation) = faults.keep(operation(context, method, path.as_deref(), &place)) else {
                continue;
            };
            if let Some(other) = ids.insert(operation.id.clone(), place.pointer().to_owned()) {
                let message = format!("the operationId `{}` is already used at {other}", operation.id);
                faults.add(place.error(message));
            }
            operations.push((operation, place));
        }
    }
    if members == 0 {
        let paths = context.root.require("paths")?;
        faults.add(paths.error("the spec has no operation; add one"));
    }
    faults.keep(require_error_schema(
        context,
        operations.iter().map(|(operation, _)| operation),
    ));
    if let Some(tags) = context.tags {
        faults.keep(scopes::check(context.root, tags, &operations));
    }
    faults.finish(Some(operations.into_iter().map(|(operation, _)| operation).collect()))
}

fn path(place: &Place<'_>, text: &str) -> Result<Vec<Segment>, Error> {
    let Some(rest) = text.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
        return Err(place.error("a path must start with `/` and name a resource"));
    };
    let mut variables = BTreeSet::new();
    rest.split('/')
        .map(
            |segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => {
                    names::check_identifier(place, name)?;
                    if !variables.insert(name) {
                        return Err(place.error(format!("`{{{name}}}` occurs in the path twice")));
                    }
                    Ok(Segment::Variable(name.to_owned()))
                }
                None if segment.is_empty() || segment.contains(['{', '}']) => {
                    Err(place.error(format!("`{segment}` must be either a literal or a variable in braces")))
                }
                None if [".", ".."].contains(&segment) || !segment.chars().all(is_plain) => Err(place.error(format!(
                    "`{segment}` would be written in another way in a URL; use only ASCII letters, digits, `-`, `.`, `_` and `~`"
                ))),
                None => Ok(Segment::Literal(segment.to_owned())),
            },
        )
        .collect()
}

/// The path without the names of its variables, which requests do not have.
fn shape(path: &[Segment]) -> Vec<Option<String>> {
    path.iter()
        .map(|segment| match segment {
            Segment::Literal(text) => Some(text.clone()),
            Segment::Variable(_) => None,
        })
        .collect()
}

/// The characters of a path that a URL never encodes (RFC 3986, section 2.3).
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~".contains(character)
}

/// Reads an operation. `path` is `None` if it has errors.
fn operation(
    context: &Context<'_>,
    method: Method,
    path: Option<&[Segment]>,
    place: &Place<'_>,
) -> Result<Operation, Error> {
    let id_place = place.require("operationId")?;
    let id = id_place.text()?;
    let mut faults = Faults::default();
    faults.keep(names::check_operation(&id_place, id));
    let operation = faults.keep(parts(context, method, path, place, id));
    faults.finish(operation).map_err(|error| error.in_operation(id))
}

fn parts(
    context: &Context<'_>,
    method: Method,
    path: Option<&[Segment]>,
    place: &Place<'_>,
    id: &str,
) -> Result<Operation, Error> {
    let mut faults = Faults::default();
    faults.keep(place.only(&[
        "operationId",
        "tags",
        "summary",
        "description",
        "parameters",
        "requestBody",
        "responses",
        "security",
        "deprecated",
        "externalDocs",
    ]));
    let conditions = path.and_then(|path| faults.keep(conditional::read(context.root, method, path, place)));
    let idempotency = faults.keep(idempotency::read(context.root, method, place));
    let tag = faults.keep(tag(context, place));
    let summary = faults.keep(place.require("summary").and_then(|it| it.text()));
    let description = faults.keep(place.optional_text("description"));
    let parameters = path.and_then(|path| faults.keep(parameters::all(context, path, place)));
    let body = faults.keep(bodies::request(context, method, place));
    let responses = place.require("responses").and_then(|it| responses::all(context, &it));
    let responses = faults.keep(responses);
    let access = context
        .scheme
        .and_then(|scheme| faults.keep(security::access(scheme, place)));
    // `None` if a part has errors.
    let operation = || {
        Some(Operation {
            id: id.to_owned(),
            tag: tag?,
            method,
            path: path?.to_vec(),
            summary: summary?.trim().to_owned(),
            description: description?,
            parameters: parameters?,
            body: body?,
            responses: responses?,
            conditions: conditions?,
            idempotency: idempotency?,
            access: access?,
        })
    };
    let operation = operation();
    if let Some(operation) = &operation {
        faults.keep(security::check_error_responses(context.root, operation, place));
        faults.keep(check_error_responses(operation, place));
        faults.keep(idempotency::check_operation(operation, place));
    }
    faults.finish(operation)
}

fn tag(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    let tags = place.require("tags")?;
    match tags.items()?.as_slice() {
        [tag] => {
            let name = tag.text()?;
            if context
                .tags
                .is_none_or(|tags| tags.iter().any(|known| known.name == name))
            {
                Ok(name.to_owned())
            } else {
                Err(tag.error(format!("there is no tag `{name}` in the document's list of tags")))
            }
        }
        _ => Err(tags.error("an operation must have exactly one tag, which names its trait")),
    }
}

/// The operation must declare the errors that the HTTP layer returns for it, or the implementation must get them.
fn check_error_responses(operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    let declares = |code| operation.response(code).is_some();
    if !declares(400) {
        return Err(place.error("a request with an unknown or invalid parameter is rejected; declare 400"));
    }
    if operation.body.is_some() && declares(413) != declares(415) {
        return Err(place.error(
            "of 413 and 415 only one is declared; an operation with a body must declare both, or none (its implementation \
             then gets the body as a `Result`)",
        ));
    }
    if operation.body.is_none() && (declares(413) || declares(415)) {
        return Err(place.error("413 and 415 are declared, but there is no request body"));
    }
    if let Some(response) = operation
        .responses
        .iter()
        .find(|it| matches!(it.status.code, 400 | 413 | 415) && !it.headers.is_empty())
    {
        return Err(place.error(format!(
            "the HTTP layer also returns {}, without headers; remove the headers",
            response.status.code
        )));
    }
    Ok(())
}

/// Whether an object must have a property, and whether it can be `null`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
    Nullable,
}

/// Names, types and presence of properties.
fn shapes(properties: &[Property]) -> Vec<(&str, &Type, Presence)> {
    let presence = |property: &Property| match (property.required, property.nullable) {
        (true, false) => Presence::Required,
        (false, false) => Presence::Optional,
        (_, true) => Presence::Nullable,
    };
    properties
        .iter()
        .map(|it| (it.name.as_str(), &it.ty, presence(it)))
        .collect()
}

/// The HTTP layer constructs `Error` bodies, so their shape is fixed.
fn require_error_schema<'a>(
    context: &Context<'_>,
    operations: impl IntoIterator<Item = &'a Operation>,
) -> Result<(), Error> {
    let schemas = context.schemas;
    let named = |name: &str| schemas.read.iter().find(|schema| schema.name == name);
    let place = |name: &str| context.root.require("components")?.require("schemas")?.require(name);
    // One that has errors is in the names only; its own errors are enough.
    if ["Error", "ErrorCode", "FieldError"]
        .iter()
        .any(|it| schemas.names.contains(it) && named(it).is_none())
    {
        return Ok(());
    }
    let Some(Schema {
        kind: Kind::Object(properties),
        ..
    }) = named("Error")
    else {
        return Err(Error::document(
            "the object components.schemas.Error is missing; it is the body of every error",
        ));
    };
    let code = Type::Named("ErrorCode".to_owned());
    let errors = Type::Array(Box::new(Type::Named("FieldError".to_owned())));
    if shapes(properties)
        != [
            ("error", &code, Presence::Required),
            ("message", &Type::String, Presence::Required),
            ("errors", &errors, Presence::Optional),
        ]
    {
        return Err(place("Error")?.error(
            "components.schemas.Error must have exactly three properties: `error` (an `ErrorCode`) and `message` (a string), \
             both required, and `errors` (an optional list of `FieldError`); none can be `null`",
        ));
    }
    let field_error = named("FieldError").map(|it| match &it.kind {
        Kind::Object(properties) => shapes(properties),
        Kind::Enumeration(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_) => Vec::new(),
    });
    let text = &Type::String;
    let required = Presence::Required;
    if field_error.is_some_and(|it| it != [("field", text, required), ("message", text, required)]) {
        return Err(place("FieldError")?.error(
            "components.schemas.FieldError must have exactly two properties, both required strings: `field` and `message`",
        ));
    }
    let Some(Schema {
        kind: Kind::Enumeration(values),
        ..
    }) = named("ErrorCode")
    else {
        return Err(place("ErrorCode")?.error("components.schemas.ErrorCode must be an enum"));
    };
    let (mut is_any_secured, mut is_any_keyed) = (false, false);
    for operation in operations {
        is_any_secured |= operation.access.is_secured();
        is_any_keyed |= operation.idempotency.is_some();
    }
    let caller_codes = if is_any_secured { &CALLER_ERROR_CODES[..] } else { &[] };
    let key_codes = if is_any_keyed { &KEY_ERROR_CODES[..] } else { &[] };
    let needed = ERROR_CODES.iter().chain(caller_codes).chain(key_codes);
    let place = place("ErrorCode")?;
    error::all(
        needed
            .filter(|it| !values.iter().any(|value| value == *it))
            .map(|missing| Err(place.error(format!("`{missing}` is missing; the HTTP layer returns it")))),
    )
    .map(|_: Vec<()>| ())
}
