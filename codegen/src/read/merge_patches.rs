//! Checks the schemas of merge patches (RFC 7396), in which an absent member, `null` and a value are three things.

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Api, Kind, Property, Schema, Type};

/// Checks the schema of the body of every `PATCH`.
pub(super) fn check(schemas: &Place<'_>, api: &Api) -> Result<(), Error> {
    let mut faults = Faults::default();
    for schema in api.schemas.iter().filter(|it| api.is_merge_patch(&it.name)) {
        let place = schemas.require(&schema.name)?;
        faults.keep(check_use(api, schema, &place));
        let Kind::Object(properties) = &schema.kind else {
            continue;
        };
        for property in properties {
            let place = place.require("properties")?.require(&property.name)?;
            faults.keep(check_property(api, property, &place));
        }
    }
    faults.finish(Some(()))
}

/// Elsewhere, an absent member would not mean "unchanged".
fn check_use(api: &Api, schema: &Schema, place: &Place<'_>) -> Result<(), Error> {
    let bodies = api.operations.iter().filter_map(|it| it.body.as_ref());
    let is_other_body = bodies
        .filter(|body| !body.is_merge_patch)
        .any(|body| body.schema == schema.name);
    let mut responses = api.operations.iter().flat_map(|it| &it.responses);
    let is_response = responses.any(|it| it.body.as_ref() == Some(&schema.name));
    let is_referred_to = api
        .schemas
        .iter()
        .any(|it| it.references().contains(&schema.name.as_str()));
    if is_other_body || is_response || is_referred_to {
        return Err(place.error(
            "this is the body of a `patch`, in which an absent member means \"unchanged\"; give other bodies, responses and \
             properties a schema of their own",
        ));
    }
    Ok(())
}

fn check_property(api: &Api, property: &Property, place: &Place<'_>) -> Result<(), Error> {
    if property.required {
        return Err(place.error("a member of a merge patch can always be left out; remove it from `required`"));
    }
    if let Some(default) = place.get("default") {
        return Err(default.error("an absent member of a merge patch means \"unchanged\"; remove the default"));
    }
    let is_object = match &property.ty {
        Type::FreeForm => true,
        Type::Named(name) => api.schema(name).is_some_and(|it| matches!(it.kind, Kind::Object(_))),
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) | Type::Array(_) => false,
    };
    if is_object {
        return Err(place.error(
            "a merge patch would merge the members of this object too, which is not supported; use single values and lists",
        ));
    }
    Ok(())
}
