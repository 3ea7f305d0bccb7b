//! Checks that what tags and operations become has different names in the generated code.

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Operation, Tag};
use crate::names::{self, Scope};

/// Checks the traits of the tags, and the types of the operations, each with its place.
pub(super) fn check(root: &Place<'_>, tags: &[Tag], operations: &[(Operation, Place<'_>)]) -> Result<(), Error> {
    let mut faults = Faults::default();
    let mut server = Scope::default();
    for (tag, place) in tags.iter().zip(root.require("tags")?.items()?) {
        faults.keep(server.add("trait", &names::trait_name(&tag.name), &place));
    }
    for (operation, place) in operations {
        let name = names::operation_type(&operation.id);
        let in_operation = |error: Error| error.in_operation(&operation.id);
        if faults
            .keep(server.add("type", &name, place).map_err(in_operation))
            .is_none()
        {
            continue;
        }
        let has_params = operation.implementation_parameters().next().is_some();
        let params = has_params.then(|| format!("{name}Params"));
        for ty in params.into_iter().chain([format!("{name}Response")]) {
            faults.keep(server.add("type", &ty, place).map_err(in_operation));
        }
    }
    faults.finish(Some(()))
}
