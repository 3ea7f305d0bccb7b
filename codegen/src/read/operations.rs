//! Reads the operations, and checks what dropshot, progenitor and the traits need of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{conditional, resolve, schemas, status, values};
use crate::Error;
use crate::document::Place;
use crate::model::{Body, Header, Kind, Location, Method, Operation, Parameter, Response, Schema, Segment, Tag, Type};
use crate::names;

/// What the operations are read against.
struct Context<'a> {
    root: &'a Place<'a>,
    tags: &'a [Tag],
    schemas: &'a [Schema],
    names: BTreeSet<&'a str>,
}

/// All operations, in the order of the document.
pub(super) fn all(root: &Place<'_>, tags: &[Tag], schemas: &[Schema]) -> Result<Vec<Operation>, Error> {
    let context = Context {
        root,
        tags,
        schemas,
        names: schemas.iter().map(|schema| schema.name.as_str()).collect(),
    };
    let mut ids = BTreeMap::new();
    let mut operations = Vec::new();
    for (text, item) in root.require("paths")?.entries()? {
        let path = path(&item, text)?;
        for (key, place) in item.entries()? {
            let Some(method) = Method::ALL.into_iter().find(|method| method.key() == key) else {
                return Err(place.fault(format!(
                    "`{key}` is not a method that the generator supports; parameters belong to the operation"
                )));
            };
            let operation = operation(&context, method, &path, &place)?;
            if let Some(other) = ids.insert(operation.id.clone(), place.pointer().to_owned()) {
                return Err(place.fault(format!("the operationId `{}` is used at {other} already", operation.id)));
            }
            operations.push(operation);
        }
    }
    require_error_schema(&context)?;
    Ok(operations)
}

fn path(place: &Place<'_>, text: &str) -> Result<Vec<Segment>, Error> {
    let Some(rest) = text.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
        return Err(place.fault("a path starts with `/` and names something"));
    };
    let mut variables = BTreeSet::new();
    rest.split('/')
        .map(
            |segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => {
                    names::check_identifier(place, name)?;
                    if !variables.insert(name) {
                        return Err(place.fault(format!("`{{{name}}}` stands in the path twice")));
                    }
                    Ok(Segment::Variable(name.to_owned()))
                }
                None if segment.is_empty() || segment.contains(['{', '}']) => {
                    Err(place.fault(format!("`{segment}` is neither a word nor a variable in braces")))
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
            parameters: parameters(context, path, place)?,
            body: body(context, place)?,
            responses: responses(context, &place.require("responses")?)?,
            is_conditional,
        };
        check_refusals(&operation, place)?;
        check_distinct_types(&operation, place)?;
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
                Err(tag.fault(format!("there is no tag `{name}` in the list of tags")))
            }
        }
        _ => Err(tags.fault("an operation has one tag: its trait")),
    }
}

fn parameters(context: &Context<'_>, path: &[Segment], place: &Place<'_>) -> Result<Vec<Parameter>, Error> {
    let mut in_path = BTreeMap::new();
    let mut in_query: Vec<Parameter> = Vec::new();
    let items = place.get("parameters").map(|it| it.items()).transpose()?;
    for item in items.unwrap_or_default() {
        let item = resolve(context.root, item, "parameters")?;
        if conditional::is_header_parameter(&item)? {
            continue;
        }
        let parameter = parameter(context, &item)?;
        match parameter.location {
            Location::Path => {
                in_path.insert(parameter.name.clone(), parameter);
            }
            Location::Query if in_query.iter().any(|it| it.name == parameter.name) => {
                return Err(item.fault(format!("there is another `{}`", parameter.name)));
            }
            Location::Query => in_query.push(parameter),
        }
    }
    let mut all = Vec::new();
    for segment in path {
        match segment {
            Segment::Literal(_) => {}
            Segment::Variable(name) => all.push(
                in_path
                    .remove(name)
                    .ok_or_else(|| place.fault(format!("the path's variable `{name}` is not among the parameters")))?,
            ),
        }
    }
    if let Some(name) = in_path.into_keys().next() {
        return Err(place.fault(format!(
            "`{name}` is a path parameter, but the path has no `{{{name}}}`"
        )));
    }
    all.append(&mut in_query);
    Ok(all)
}

fn parameter(context: &Context<'_>, place: &Place<'_>) -> Result<Parameter, Error> {
    place.only(&[
        "in",
        "name",
        "required",
        "description",
        "schema",
        "example",
        "examples",
        "deprecated",
    ])?;
    let name = place.require("name")?;
    names::check_identifier(&name, name.text()?)?;
    let kind = place.require("in")?;
    let location = match kind.text()? {
        "path" => Location::Path,
        "query" => Location::Query,
        other => {
            return Err(kind.fault(format!(
                "parameters in `{other}` are not supported; use `path` or `query`"
            )));
        }
    };
    let required = place.flag("required")?;
    if location == Location::Path && !required {
        return Err(place.fault("a path parameter is required; say so"));
    }
    let schema = place.require("schema")?;
    let of = schemas::type_of(&schema, &context.names, &["default"])?;
    match &of {
        Type::Named(name) if is_object(context, name) => {
            return Err(schema.fault(format!("`{name}` is an object; a parameter is a single value")));
        }
        Type::Named(_) | Type::String | Type::Boolean | Type::Integer(_) => {}
        Type::Formatted(_) | Type::Number | Type::Array(_) | Type::FreeForm => {
            return Err(schema.fault(
                "a parameter is text, a boolean, an integer, or a schema under components.schemas; name this one there",
            ));
        }
    }
    let default = match schema.get("default") {
        None => None,
        Some(default) if required => {
            return Err(default.fault("a required parameter is never absent, so it has no default"));
        }
        Some(default) => Some(values::parameter_default(&default, &of, context.schemas)?),
    };
    Ok(Parameter {
        name: name.text()?.to_owned(),
        location,
        description: place.optional_text("description")?,
        required,
        of,
        default,
    })
}

fn is_object(context: &Context<'_>, name: &str) -> bool {
    context
        .schemas
        .iter()
        .any(|schema| schema.name == name && matches!(schema.kind, Kind::Object(_)))
}

fn body(context: &Context<'_>, place: &Place<'_>) -> Result<Option<Body>, Error> {
    let Some(place) = place.get("requestBody") else {
        return Ok(None);
    };
    let place = resolve(context.root, place, "requestBodies")?;
    place.only(&["description", "required", "content"])?;
    Ok(Some(Body {
        required: place.flag("required")?,
        schema: content(context, &place.require("content")?)?,
    }))
}

/// The name of the schema of a JSON body.
fn content(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    match place.entries()?.as_slice() {
        [("application/json", media)] => {
            media.only(&["schema", "example", "examples"])?;
            let schema = media.require("schema")?;
            let reference = schema.get("$ref").ok_or_else(|| {
                schema.fault("a body has a name of its own: put its schema under components.schemas and refer to it")
            })?;
            let name = schemas::named(&reference, &context.names)?;
            if is_object(context, name) {
                Ok(name.to_owned())
            } else {
                Err(reference.fault(format!("`{name}` is not an object; a body is one")))
            }
        }
        [(other, media)] => Err(media.fault(format!("`{other}` is not supported; bodies are `application/json`"))),
        _ => Err(place.fault("a body has one media type, `application/json`")),
    }
}

fn responses(context: &Context<'_>, place: &Place<'_>) -> Result<Vec<Response>, Error> {
    let mut responses = Vec::new();
    for (key, entry) in place.entries()? {
        if key == conditional::STATUS {
            continue;
        }
        let status = status::read(key, &entry)?;
        let entry = resolve(context.root, entry, "responses")?;
        entry.only(&["description", "headers", "content"])?;
        let body = entry.get("content").map(|it| content(context, &it)).transpose()?;
        match &body {
            Some(name) if status.code >= 400 && name != "Error" => {
                return Err(entry.fault(format!("the body of {key} is `{name}`; every error body is `Error`")));
            }
            None if status.code >= 400 => {
                return Err(entry.fault(format!("{key} has no body; every error body is `Error`")));
            }
            Some(_) | None => {}
        }
        if body.is_some() && status.code == 204 {
            return Err(entry.fault("204 has no content"));
        }
        responses.push(Response {
            status,
            description: entry.require("description")?.text()?.trim().to_owned(),
            body,
            headers: headers(context, &entry)?,
        });
    }
    let successes = responses.iter().filter(|it| it.status.code < 400).count();
    if successes != 1 {
        return Err(place.fault(format!(
            "there are {successes} answers below 400; the client has a type for one"
        )));
    }
    Ok(responses)
}

fn headers(context: &Context<'_>, place: &Place<'_>) -> Result<Vec<Header>, Error> {
    let Some(headers) = place.get("headers") else {
        return Ok(Vec::new());
    };
    let mut read = Vec::new();
    for (name, entry) in headers.entries()? {
        if name.eq_ignore_ascii_case(conditional::TAG) {
            continue;
        }
        let entry = resolve(context.root, entry, "headers")?;
        entry.only(&["description", "required", "schema", "example", "examples"])?;
        if !entry.flag("required")? {
            return Err(entry.fault("a response header is sent always; say `required: true`"));
        }
        let schema = entry.require("schema")?;
        let of = schemas::type_of(&schema, &context.names, &[])?;
        let is_number = match &of {
            Type::Integer(_) => true,
            Type::Named(name) => context
                .schemas
                .iter()
                .any(|it| it.name == *name && matches!(it.kind, Kind::Integer(_))),
            Type::String | Type::Boolean | Type::Number | Type::Formatted(_) | Type::Array(_) | Type::FreeForm => false,
        };
        if !is_number {
            return Err(schema.fault("a response header is an integer; text would need escaping rules"));
        }
        read.push(Header {
            name: name.to_owned(),
            description: entry.optional_text("description")?,
            of,
        });
    }
    Ok(read)
}

/// What the HTTP layer itself refuses must be declared, or handed to the implementation.
fn check_refusals(operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    let declares = |code| operation.response(code).is_some();
    if !operation.parameters.is_empty() && !declares(400) {
        return Err(place.fault("a parameter can be invalid, but 400 is not declared"));
    }
    let declared: Vec<u16> = [400, 413, 415].into_iter().filter(|code| declares(*code)).collect();
    if operation.body.is_some() && !matches!(declared.len(), 0 | 3) {
        return Err(place.fault(format!(
            "of 400, 413 and 415 only {declared:?} is declared; an operation with a body declares the three, or none \
             of them and gets the body as a `Result`"
        )));
    }
    if operation.body.is_none() && (declares(413) || declares(415)) {
        return Err(place.fault("413 and 415 are about a body, but there is none"));
    }
    if let Some(response) = operation
        .responses
        .iter()
        .find(|it| matches!(it.status.code, 400 | 413 | 415) && !it.headers.is_empty())
    {
        return Err(place.fault(format!(
            "{} is answered by the HTTP layer too, which knows no headers for it",
            response.status.code
        )));
    }
    Ok(())
}

/// Arguments of one type could be swapped, and a change of the spec's order would swap them in silence.
fn check_distinct_types(operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    for (index, parameter) in operation.parameters.iter().enumerate() {
        if let Some(other) = operation.parameters[..index].iter().find(|it| it.of == parameter.of) {
            return Err(place.fault(format!(
                "`{}` and `{}` have the same type and could be swapped unseen; give each a schema of its own",
                other.name, parameter.name
            )));
        }
    }
    Ok(())
}

/// The HTTP layer writes `Error` bodies by itself, so it must know their shape.
fn require_error_schema(context: &Context<'_>) -> Result<(), Error> {
    let fault = |message: String| Error::document(message);
    let named = |name: &str| context.schemas.iter().find(|schema| schema.name == name);
    let Some(Schema {
        kind: Kind::Object(properties),
        ..
    }) = named("Error")
    else {
        return Err(fault(
            "components.schemas.Error is missing; every error body is one".to_owned(),
        ));
    };
    let shape: Vec<(&str, &Type, bool)> = properties
        .iter()
        .map(|it| (it.name.as_str(), &it.of, it.required && !it.nullable))
        .collect();
    let code = Type::Named("ErrorCode".to_owned());
    if shape != [("error", &code, true), ("message", &Type::String, true)] {
        return Err(fault(
            "components.schemas.Error: the HTTP layer writes `error` (an `ErrorCode`) and `message` (a string), both \
             required, and nothing else"
                .to_owned(),
        ));
    }
    let Some(Schema {
        kind: Kind::Enumeration(values),
        ..
    }) = named("ErrorCode")
    else {
        return Err(fault("components.schemas.ErrorCode: an enum is expected".to_owned()));
    };
    for needed in crate::emit::http::ERROR_CODES {
        if !values.iter().any(|value| value == needed) {
            return Err(fault(format!(
                "components.schemas.ErrorCode: `{needed}` is missing; the HTTP layer answers it"
            )));
        }
    }
    Ok(())
}
