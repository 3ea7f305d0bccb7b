//! Reads the operations, and checks what dropshot, progenitor and the traits require of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{bodies, conditional, parameters, responses, security};
use crate::document::Place;
use crate::model::{CALLER_ERROR_CODES, ERROR_CODES, Kind, Method, Operation, Schema, Scheme, Segment, Tag, Type};
use crate::{Error, names};

/// What the operations refer to.
pub(super) struct Context<'a> {
    pub(super) root: &'a Place<'a>,
    tags: &'a [Tag],
    pub(super) schemas: &'a [Schema],
    /// The names of the schemas.
    pub(super) names: BTreeSet<&'a str>,
    scheme: Option<&'a Scheme>,
}

impl Context<'_> {
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.schemas
            .iter()
            .any(|schema| schema.name == name && matches!(schema.kind, Kind::Object(_)))
    }
}

/// All operations, in the order of the document.
pub(super) fn all(
    root: &Place<'_>,
    tags: &[Tag],
    schemas: &[Schema],
    scheme: Option<&Scheme>,
) -> Result<Vec<Operation>, Error> {
    let context = Context {
        root,
        tags,
        schemas,
        names: schemas.iter().map(|schema| schema.name.as_str()).collect(),
        scheme,
    };
    let mut ids = BTreeMap::new();
    let mut operations = Vec::new();
    for (text, item) in root.require("paths")?.entries()? {
        let path = path(&item, text)?;
        for (key, place) in item.entries()? {
            let Some(method) = Method::ALL.into_iter().find(|method| method.key() == key) else {
                return Err(place.error(format!(
                    "`{key}` is not a supported method; declare parameters in the operation"
                )));
            };
            let operation = operation(&context, method, &path, &place)?;
            if let Some(other) = ids.insert(operation.id.clone(), place.pointer().to_owned()) {
                return Err(place.error(format!("the operationId `{}` is already used at {other}", operation.id)));
            }
            operations.push(operation);
        }
    }
    require_error_schema(&context, &operations)?;
    Ok(operations)
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
                None => Ok(Segment::Literal(segment.to_owned())),
            },
        )
        .collect()
}

fn operation(context: &Context<'_>, method: Method, path: &[Segment], place: &Place<'_>) -> Result<Operation, Error> {
    let id_place = place.require("operationId")?;
    let id = id_place.text()?;
    names::check_identifier(&id_place, id)?;
    let read = || {
        place.only(&[
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
        ])?;
        let is_conditional = conditional::read(context.root, method, place)?;
        let operation = Operation {
            id: id.to_owned(),
            tag: tag(context, place)?,
            method,
            path: path.to_vec(),
            summary: place.require("summary")?.text()?.trim().to_owned(),
            description: place.optional_text("description")?,
            parameters: parameters::all(context, path, place)?,
            body: bodies::request(context, place)?,
            responses: responses::all(context, &place.require("responses")?)?,
            is_conditional,
            access: security::access(context.scheme, place)?,
        };
        security::check_error_responses(context.root, &operation, place)?;
        check_error_responses(&operation, place)?;
        Ok(operation)
    };
    read().map_err(|error: Error| error.in_operation(id))
}

fn tag(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    let tags = place.require("tags")?;
    match tags.items()?.as_slice() {
        [tag] => {
            let name = tag.text()?;
            if context.tags.iter().any(|known| known.name == name) {
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

/// The HTTP layer constructs `Error` bodies, so their shape is fixed.
fn require_error_schema(context: &Context<'_>, operations: &[Operation]) -> Result<(), Error> {
    let error = |message: String| Error::document(message);
    let named = |name: &str| context.schemas.iter().find(|schema| schema.name == name);
    let Some(Schema {
        kind: Kind::Object(properties),
        ..
    }) = named("Error")
    else {
        return Err(error(
            "components.schemas.Error is missing; it is the body of every error".to_owned(),
        ));
    };
    let shape: Vec<(&str, &Type, bool)> = properties
        .iter()
        .map(|it| (it.name.as_str(), &it.ty, it.required && !it.nullable))
        .collect();
    let code = Type::Named("ErrorCode".to_owned());
    if shape != [("error", &code, true), ("message", &Type::String, true)] {
        return Err(error(
            "components.schemas.Error must have exactly two properties, both required: `error` (an `ErrorCode`) and \
             `message` (a string)"
                .to_owned(),
        ));
    }
    let Some(Schema {
        kind: Kind::Enumeration(values),
        ..
    }) = named("ErrorCode")
    else {
        return Err(error("components.schemas.ErrorCode must be an enum".to_owned()));
    };
    let is_any_secured = operations.iter().any(|it| it.access.is_secured());
    let caller_codes = if is_any_secured { &CALLER_ERROR_CODES[..] } else { &[] };
    for needed in ERROR_CODES.iter().chain(caller_codes) {
        if !values.iter().any(|value| value == needed) {
            return Err(error(format!(
                "components.schemas.ErrorCode: `{needed}` is missing; the HTTP layer returns it"
            )));
        }
    }
    Ok(())
}
