//! Reads the bodies of requests and answers.

use super::operations::Context;
use super::{resolve, schemas};
use crate::Error;
use crate::document::Place;
use crate::model::Body;

/// The body that an operation takes, where it takes one.
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
                schema.fault("a body has a name of its own: put its schema under components.schemas and refer to it")
            })?;
            let name = schemas::named(&reference, &context.names)?;
            if context.is_object(name) {
                Ok(name.to_owned())
            } else {
                Err(reference.fault(format!("`{name}` is not an object; a body is one")))
            }
        }
        [(other, media)] => Err(media.fault(format!("`{other}` is not supported; bodies are `application/json`"))),
        _ => Err(place.fault("a body has one media type, `application/json`")),
    }
}
