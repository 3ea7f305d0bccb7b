//! Checks what the objects of requests and of responses must say.
//!
//! Requests reject unknown members, and their lists and free-form objects have a bound. Responses may get new members in a
//! later version, and may contain what was stored before a bound.

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Api, Kind, Property, Schema, Type};

const KEYWORD: &str = "additionalProperties";

/// Checks every named object.
pub(super) fn check(schemas: &Place<'_>, api: &Api) -> Result<(), Error> {
    let in_requests = api.in_requests();
    let mut faults = Faults::default();
    for schema in &api.schemas {
        let Kind::Object(properties) = &schema.kind else {
            continue;
        };
        let is_in_request = in_requests.contains(&schema.name);
        let place = schemas.require(&schema.name)?;
        faults.keep(check_object(schema, &place, is_in_request));
        for property in properties {
            let place = place.require("properties")?.require(&property.name)?;
            faults.keep(check_bound(&place, property, is_in_request));
            faults.keep(check_entity_tag(api, schema, &place, property));
        }
    }
    faults.finish(Some(()))
}

fn check_object(schema: &Schema, place: &Place<'_>, is_in_request: bool) -> Result<(), Error> {
    match (is_in_request, place.get(KEYWORD)) {
        (true, None) => Err(place.error(
            "a request can contain this object; add `additionalProperties: false`, so that unknown members are rejected",
        )),
        (false, Some(keyword)) => Err(keyword.error(
            "no request contains this object; remove `additionalProperties`, because clients must accept members that a \
             later version adds to a response",
        )),
        (true, Some(keyword)) if keyword.json() != false => {
            Err(keyword.error("only `false` is supported for an object with `properties`"))
        }
        (true, Some(_)) if schema.max_bytes.is_some() => Err(place.error(
            "a request can contain this object; `x-max-bytes` limits only responses and free-form objects",
        )),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

/// `x-entity-tag` would have no effect in an object that has no entity tag.
fn check_entity_tag(api: &Api, schema: &Schema, place: &Place<'_>, property: &Property) -> Result<(), Error> {
    if property.in_entity_tag || api.tagged().contains(schema.name.as_str()) {
        return Ok(());
    }
    Err(place.error(format!(
        "no operation returns `{}` with an entity tag; remove `x-entity-tag`",
        schema.name
    )))
}

/// A list or a free-form object in a request must have a bound, and one in a response must not.
fn check_bound(place: &Place<'_>, property: &Property, is_in_request: bool) -> Result<(), Error> {
    if !is_in_request {
        return match property.bound {
            Some(_) => Err(place.error(
                "no request contains this property; remove its bound, because a response may contain what was stored \
                 before the bound",
            )),
            None => Ok(()),
        };
    }
    match (&property.ty, property.bound) {
        (Type::Array(items), _) if matches!(**items, Type::Array(_) | Type::FreeForm) => Err(place.error(
            "a list of lists or of free-form objects has no bound in a request; refer to an object as its items",
        )),
        (Type::Array(_), None) => Err(place.error("a request can contain this list; add `maxItems`")),
        (Type::FreeForm, None) => {
            Err(place.error("a request can contain this free-form object; add `x-max-bytes` and `x-max-levels`"))
        }
        (Type::Array(_) | Type::FreeForm, Some(_))
        | (Type::Named(_) | Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_), _) => {
            Ok(())
        }
    }
}
