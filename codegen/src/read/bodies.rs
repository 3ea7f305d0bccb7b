//! Reads the bodies of requests and responses.

use super::operations::Context;
use super::{resolve, schemas};
use crate::Error;
use crate::document::Place;
use crate::model::{Body, Kind, Method};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The request body of an operation, if it has one.
pub(super) fn request(context: &Context<'_>, method: Method, place: &Place<'_>) -> Result<Option<Body>, Error> {
    let Some(place) = place.get("requestBody") else {
        return Ok(None);
    };
    let place = resolve(context.root, place, "requestBodies")?;
    place.only(&["description", "required", "content"])?;
    let required = place.flag("required")?;
    let media_types = place.require("content")?;
    let is_merge_patch = method == Method::Patch;
    let schema = if is_merge_patch {
        if !required {
            return Err(place.error("an absent merge patch would change nothing; add `required: true`"));
        }
        merge_patch(context, &media_types)?
    } else {
        if let Some(media) = media_types.get(MERGE_PATCH) {
            return Err(media.error(format!("`{MERGE_PATCH}` is only for `patch`; use `{JSON}`")));
        }
        content(context, &media_types)?
    };
    Ok(Some(Body {
        required,
        schema,
        is_merge_patch,
    }))
}

/// The name of the schema of a merge patch, which is declared for both media types.
fn merge_patch(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    let entries = place.entries()?;
    if let Some((other, media)) = entries.iter().find(|(name, _)| ![JSON, MERGE_PATCH].contains(name)) {
        return Err(media.error(format!(
            "the media type `{other}` is not supported; the body of a `patch` is `{MERGE_PATCH}` and `{JSON}`"
        )));
    }
    let both = (place.get(MERGE_PATCH), place.get(JSON));
    let (Some(patch), Some(json)) = both else {
        let missing = if both.0.is_none() { MERGE_PATCH } else { JSON };
        return Err(place.error(format!(
            "the body of a `patch` is a merge patch (RFC 7396), declared as both `{MERGE_PATCH}` and `{JSON}`; add `{missing}`"
        )));
    };
    let schema = media(context, &patch)?;
    if media(context, &json)? == schema {
        Ok(schema)
    } else {
        Err(json.error(format!("`{JSON}` and `{MERGE_PATCH}` must refer to one schema")))
    }
}

/// The name of the schema of a JSON body.
pub(super) fn content(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    match place.entries()?.as_slice() {
        [(JSON, media)] => self::media(context, media),
        [(other, media)] => Err(media.error(format!("the media type `{other}` is not supported; use `{JSON}`"))),
        _ => Err(place.error(format!("a body must have exactly one media type, `{JSON}`"))),
    }
}

/// The name of the schema of a media type.
fn media(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    place.only(&["schema", "example", "examples"])?;
    let schema = place.require("schema")?;
    let reference = schema.get("$ref").ok_or_else(|| {
        schema.error("the schema of a body must have a name; move it to components.schemas and refer to it")
    })?;
    let name = schemas::named(&reference, &context.schemas.names)?;
    if matches!(context.schemas.kind(name), Some(Kind::Object(_)) | None) {
        Ok(name.to_owned())
    } else {
        Err(reference.error(format!("`{name}` is not an object; a body must be an object")))
    }
}
