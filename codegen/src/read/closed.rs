//! Checks what the objects of requests and of responses must say.
//!
//! Requests reject unknown members, and their lists and free-form objects have a bound. Responses may get new members in a
//! later version, and may contain what was stored before a bound.

use crate::Error;
use crate::document::Place;
use crate::model::{Api, Kind, Property, Type};

const KEYWORD: &str = "additionalProperties";

/// Checks every named object.
pub(super) fn check(schemas: &Place<'_>, api: &Api) -> Result<(), Error> {
    let in_requests = api.in_requests();
    for schema in &api.schemas {
        let Kind::Object(properties) = &schema.kind else {
            continue;
        };
        let place = schemas.require(&schema.name)?;
        match (in_requests.contains(&schema.name), place.get(KEYWORD)) {
            (true, None) => {
                return Err(place.error(
                    "a request can contain this object; add `additionalProperties: false`, so that unknown members are \
                     rejected",
                ));
            }
            (false, Some(keyword)) => {
                return Err(keyword.error(
                    "no request contains this object; remove `additionalProperties`, because clients must accept members \
                     that a later version adds to a response",
                ));
            }
            (true, Some(keyword)) if keyword.json() != false => {
                return Err(keyword.error("only `false` is supported for an object with `properties`"));
            }
            (true, Some(_)) | (false, None) => {}
        }
        for property in properties {
            let place = place.require("properties")?.require(&property.name)?;
            if in_requests.contains(&schema.name) {
                check_bound(&place, property)?;
            } else if property.bound.is_some() {
                return Err(place.error(
                    "no request contains this property; remove its bound, because a response may contain what was stored \
                     before the bound",
                ));
            }
        }
    }
    Ok(())
}

/// A list or a free-form object in a request must have a bound.
fn check_bound(place: &Place<'_>, property: &Property) -> Result<(), Error> {
    match (&property.ty, property.bound) {
        (Type::Array(items), _) if matches!(**items, Type::Array(_) | Type::FreeForm) => Err(place.error(
            "a list of lists or of free-form objects has no bound in a request; give its items an object with a name",
        )),
        (Type::Array(_), None) => Err(place.error("a request can contain this list; add `maxItems`")),
        (Type::FreeForm, None) => Err(place.error(
            "a request can contain this free-form object; add `x-max-bytes` and `x-max-levels`",
        )),
        (Type::Array(_) | Type::FreeForm, Some(_))
        | (
            Type::Named(_) | Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_),
            _,
        ) => Ok(()),
    }
}
