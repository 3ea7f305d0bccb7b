//! Checks which objects accept unknown members. Requests reject them; responses may get new ones in a later version.

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Api, Kind};

const KEYWORD: &str = "additionalProperties";

/// Checks every named object.
pub(super) fn check(schemas: &Place<'_>, api: &Api) -> Result<(), Error> {
    let in_requests = api.in_requests();
    let mut faults = Faults::default();
    for schema in &api.schemas {
        if matches!(schema.kind, Kind::Object(_)) {
            let place = schemas.require(&schema.name)?;
            faults.keep(check_object(&place, in_requests.contains(&schema.name)));
        }
    }
    faults.finish(Some(()))
}

fn check_object(place: &Place<'_>, is_in_request: bool) -> Result<(), Error> {
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
        (true, Some(_)) | (false, None) => Ok(()),
    }
}
