//! Checks which objects accept unknown members. Requests reject them; responses may get new ones in a later version.

use crate::Error;
use crate::document::Place;
use crate::model::{Api, Kind};

const KEYWORD: &str = "additionalProperties";

/// Checks every named object.
pub(super) fn check(schemas: &Place<'_>, api: &Api) -> Result<(), Error> {
    let in_requests = api.in_requests();
    for schema in &api.schemas {
        if !matches!(schema.kind, Kind::Object(_)) {
            continue;
        }
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
    }
    Ok(())
}
