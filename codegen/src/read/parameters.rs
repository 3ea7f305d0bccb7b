//! Reads the parameters of an operation.

use std::collections::{BTreeMap, BTreeSet};

use super::operations::Context;
use super::{conditional, idempotency, resolve, schemas, values};
use crate::document::Place;
use crate::model::{HeaderParameter, Kind, Location, Parameter, Segment, Type};
use crate::{Error, error, names};

/// The parameters of an operation, those of the path first.
pub(super) fn all(context: &Context<'_>, path: &[Segment], place: &Place<'_>) -> Result<Vec<Parameter>, Error> {
    let mut in_path = BTreeMap::new();
    let mut others: Vec<Parameter> = Vec::new();
    let items = place.get("parameters").map(|it| it.items()).transpose()?;
    let mut seen = BTreeSet::new();
    let read = error::all(items.unwrap_or_default().into_iter().map(|item| {
        let item = resolve(context.root, item, "parameters")?;
        let parameter = match conditional::header_parameter(&item)? {
            Some(header) => header_parameter(context, header, &item)?,
            None => parameter(context, &item)?,
        };
        if !seen.insert(parameter.identifier()) {
            return Err(item.error(format!("the parameter `{}` is declared twice", parameter.name)));
        }
        Ok(parameter)
    }))?;
    for parameter in read {
        match parameter.location {
            Location::Path => {
                in_path.insert(parameter.name.clone(), parameter);
            }
            Location::Query | Location::Header(_) => others.push(parameter),
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
    all.append(&mut others);
    Ok(all)
}

fn header_parameter(context: &Context<'_>, header: HeaderParameter, place: &Place<'_>) -> Result<Parameter, Error> {
    conditional::check_header_parameter(header, place)?;
    let ty = match header {
        HeaderParameter::IfMatch | HeaderParameter::IfNoneMatch => Type::String,
        HeaderParameter::IdempotencyKey => Type::Named(idempotency::schema(context, place)?),
    };
    Ok(Parameter {
        name: header.name().to_owned(),
        location: Location::Header(header),
        description: place.optional_text("description")?,
        required: false,
        ty,
        default: None,
    })
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
