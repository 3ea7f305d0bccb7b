//! Checks that defaults are values of their schemas.

use serde_json::Value;

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Kind, Schema, Type};

/// Checks the default of every property.
pub(super) fn defaults(place: &Place<'_>, schemas: &[Schema]) -> Result<(), Error> {
    let mut faults = Faults::default();
    for schema in schemas {
        let Kind::Object(properties) = &schema.kind else {
            continue;
        };
        for property in properties {
            if let Some(value) = &property.default
                && let Some(reason) = misfit(value, &property.ty, schemas)
            {
                let place = place
                    .require(&schema.name)?
                    .require("properties")?
                    .require(&property.name)?;
                faults.add(place.require("default")?.error(reason));
            }
        }
    }
    faults.finish(Some(()))
}

/// The default of a parameter, as a client would send it.
pub(super) fn parameter_default(place: &Place<'_>, ty: &Type, schemas: &[Schema]) -> Result<String, Error> {
    let value = place.json();
    if let Some(reason) = misfit(&value, ty, schemas) {
        return Err(place.error(reason));
    }
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Why the value is not of this type; `None` if it is.
fn misfit(value: &Value, ty: &Type, schemas: &[Schema]) -> Option<String> {
    let wrong = |expected: &str| Some(format!("the default is not {expected}"));
    match ty {
        Type::String => (!value.is_string()).then(|| "the default is not text".to_owned()),
        Type::Boolean => (!value.is_boolean()).then(|| "the default is not a boolean".to_owned()),
        Type::Integer(width) => {
            let (smallest, largest) = width.range();
            match value.as_i64() {
                Some(number) if (smallest..=largest).contains(&number) => None,
                Some(_) | None => wrong("an integer of this format"),
            }
        }
        Type::Number => (!value.is_number()).then(|| "the default is not a number".to_owned()),
        Type::Array(_) if value.as_array().is_some_and(Vec::is_empty) => None,
        Type::Array(_) => wrong("the empty list, which is the only one supported"),
        Type::FreeForm if value.as_object().is_some_and(|it| it.is_empty()) => None,
        Type::FreeForm => wrong("the empty object, which is the only one supported"),
        Type::Formatted(_) => wrong("supported for a value with a format"),
        Type::Named(name) => match &schemas.iter().find(|it| it.name == *name)?.kind {
            Kind::Enumeration(values) => match value.as_str() {
                Some(text) if values.iter().any(|it| it == text) => None,
                Some(_) | None => wrong("one of the enum's values"),
            },
            Kind::Integer(rules) => match value.as_i64() {
                Some(number)
                    if rules.minimum.is_none_or(|it| number >= it) && rules.maximum.is_none_or(|it| number <= it) =>
                {
                    None
                }
                Some(_) | None => wrong("an integer within the bounds"),
            },
            Kind::Text(rules) => match value.as_str() {
                Some(text) => {
                    let length = text.chars().count();
                    let fits = rules.minimum_length.is_none_or(|it| length >= it)
                        && rules.maximum_length.is_none_or(|it| length <= it)
                        && rules.pattern.as_ref().is_none_or(|pattern| {
                            regress::Regex::with_flags(pattern, "u").is_ok_and(|it| it.find(text).is_some())
                        });
                    if fits {
                        None
                    } else {
                        wrong("allowed by the schema's own rules")
                    }
                }
                None => wrong("text"),
            },
            Kind::Object(_) | Kind::Formatted(_) => wrong("supported for this schema"),
        },
    }
}
