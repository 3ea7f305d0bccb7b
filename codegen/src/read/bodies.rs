//! Reads the bodies of requests and responses.

use super::operations::Context;
use super::{resolve, schemas};
use crate::Error;
use crate::document::Place;
use crate::model::{Body, Kind};

/// The request body of an operation, if it has one.
pub(super) fn request(context: &Context<'_>, place: &Place<'_>) -> Result<Option<Body>, Error> {
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
pub(super) fn content(context: &Context<'_>, place: &Place<'_>) -> Result<String, Error> {
    match place.entries()?.as_slice() {
        [("application/json", media)] => {
            media.only(&["schema", "example", "examples"])?;
            let schema = media.require("schema")?;
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
        [(other, media)] => Err(media.error(format!(
            "the media type `{other}` is not supported; use `application/json`"
        ))),
        _ => Err(place.error("a body must have exactly one media type, `application/json`")),
    }
}
