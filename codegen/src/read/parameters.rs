//! Reads the parameters of an operation.

use std::collections::{BTreeMap, BTreeSet};

use super::operations::Context;
use super::{conditional, resolve, schemas, values};
use crate::document::Place;
use crate::model::{Kind, Location, Parameter, Segment, Type};
use crate::{Error, error, names};

/// The parameters of an operation, those of the path first.
pub(super) fn all(context: &Context<'_>, path: &[Segment], place: &Place<'_>) -> Result<Vec<Parameter>, Error> {
    let mut in_path = BTreeMap::new();
    let mut in_query: Vec<Parameter> = Vec::new();
    let items = place.get("parameters").map(|it| it.items()).transpose()?;
    let mut seen = BTreeSet::new();
    let read = error::all(items.unwrap_or_default().into_iter().map(|item| {
        let item = resolve(context.root, item, "parameters")?;
        if conditional::header_parameter(&item)?.is_some() {
            return Ok(None);
        }
        let parameter = parameter(context, &item)?;
        if !seen.insert(parameter.name.clone()) {
            return Err(item.error(format!("the parameter `{}` is declared twice", parameter.name)));
        }
        Ok(Some(parameter))
    }))?;
    for parameter in read.into_iter().flatten() {
        match parameter.location {
            Location::Path => {
                in_path.insert(parameter.name.clone(), parameter);
            }
            Location::Query => in_query.push(parameter),
        }
    }
    let mut all = Vec::new();
    for segment in path {
        match segment {
            Segment::Literal(_) => {}
            Segment::Variable(name) => {
                all.push(in_path.remove(name).ok_or_else(|| {
                    place.error(format!("the path's variable `{name}` is not declared as a parameter"))
                })?)
            }
        }
    }
    if let Some(name) = in_path.into_keys().next() {
        return Err(place.error(format!(
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
    names::check_parameter(&name, name.text()?)?;
    let kind = place.require("in")?;
    let location = match kind.text()? {
        "path" => Location::Path,
        "query" => Location::Query,
        other => {
            return Err(kind.error(format!(
                "parameters in `{other}` are not supported; use `path` or `query`"
            )));
        }
    };
    let required = place.flag("required")?;
    if location == Location::Path && !required {
        return Err(place.error("a path parameter is always required; add `required: true`"));
    }
    let schema = place.require("schema")?;
    let ty = schemas::type_of(&schema, &context.schemas.names, &["default"])?;
    match &ty {
        Type::Named(name) if matches!(context.schemas.kind(name), Some(Kind::Object(_))) => {
            return Err(schema.error(format!("`{name}` is an object; a parameter must be a single value")));
        }
        Type::Named(_) | Type::String | Type::Boolean | Type::Integer(_) | Type::Formatted(_) => {}
        Type::Number | Type::Array(_) | Type::FreeForm => {
            return Err(schema.error(
                "a parameter is a string, a boolean, an integer, or a schema under components.schemas: define this schema \
                 there and refer to it",
            ));
        }
    }
    let default = match schema.get("default") {
        None => None,
        Some(default) if required => {
            return Err(default.error("a required parameter cannot have a default"));
        }
        Some(default) => Some(values::parameter_default(&default, &ty, &context.schemas.read)?),
    };
    Ok(Parameter {
        name: name.text()?.to_owned(),
        location,
        description: place.optional_text("description")?,
        required,
        ty,
        default,
    })
}
