//! Reads the model from the document. Everything that the generator does not support is an error here, with its place.

mod bodies;
mod closed;
mod conditional;
mod cycles;
mod idempotency;
mod merge_patches;
mod operations;
mod parameters;
mod responses;
mod schemas;
mod scopes;
mod security;
mod status;
mod values;

use std::collections::BTreeSet;

use crate::Error;
use crate::document::{Node, Place};
use crate::error::{self, Faults};
use crate::model::{Api, Tag};
use crate::names;

/// Reads and checks a whole document.
///
/// Parts that do not depend on each other are all read, so that one run reports the errors of all of them.
pub(crate) fn api(document: &Node) -> Result<Api, Error> {
    let root = document.root();
    let mut faults = Faults::default();
    faults.keep(check_root(&root));
    let tags = faults.keep(tags(&root));
    let schemas_place = root.get("components").and_then(|it| it.get("schemas"));
    let mut schemas = schemas::Schemas::default();
    if let Some(place) = &schemas_place {
        faults.keep(schemas::all(place, &mut schemas));
        faults.keep(cycles::check(place, &schemas.read));
        faults.keep(values::defaults(place, &schemas.read));
    }
    let scheme = faults.keep(security::scheme(&root));
    let context = operations::Context {
        root: &root,
        tags: tags.as_deref(),
        schemas: &schemas,
        scheme: scheme.as_ref().map(Option::as_ref),
    };
    let operations = faults.keep(operations::all(&context));
    let api = match (tags, operations, scheme) {
        (Some(tags), Some(operations), Some(scheme)) => Some(Api {
            tags,
            operations,
            schemas: schemas.read,
            scheme,
        }),
        (_, _, _) => None,
    };
    if let (Some(place), Some(api)) = (&schemas_place, &api) {
        faults.keep(closed::check(place, api));
        faults.keep(merge_patches::check(place, api));
    }
    faults.finish(api)
}

fn check_root(root: &Place<'_>) -> Result<(), Error> {
    let mut faults = Faults::default();
    faults.keep(security::check_document(root));
    faults.keep(root.only(&[
        "openapi",
        "info",
        "servers",
        "tags",
        "paths",
        "components",
        "externalDocs",
        "jsonSchemaDialect",
        "security",
    ]));
    faults.keep(root.require("openapi").and_then(|version| {
        if version.text()?.starts_with("3.1.") {
            Ok(())
        } else {
            Err(version.error("the generator supports OpenAPI 3.1 only"))
        }
    }));
    faults.finish(Some(()))
}

fn tags(root: &Place<'_>) -> Result<Vec<Tag>, Error> {
    let mut seen = BTreeSet::new();
    error::all(root.require("tags")?.items()?.into_iter().map(|item| {
        item.only(&["name", "description", "externalDocs"])?;
        let name = item.require("name")?;
        let text = name.text()?;
        names::check_tag(&name, text)?;
        if !seen.insert(text.to_owned()) {
            return Err(name.error(format!("the tag `{text}` is listed twice")));
        }
        Ok(Tag {
            name: text.to_owned(),
            description: item.require("description")?.text()?.trim().to_owned(),
        })
    }))
}

/// Follows a `$ref` to an object under `components/{section}`. Returns a place without `$ref` unchanged.
fn resolve<'a>(root: &Place<'a>, place: Place<'a>, section: &str) -> Result<Place<'a>, Error> {
    let Some(reference) = place.get("$ref") else {
        return Ok(place);
    };
    place.only(&["$ref", "description", "summary"])?;
    let prefix = format!("#/components/{section}/");
    let name = reference
        .text()?
        .strip_prefix(&prefix)
        .ok_or_else(|| reference.error(format!("a reference here must start with `{prefix}`")))?;
    root.get("components")
        .and_then(|components| components.get(section))
        .and_then(|all| all.get(name))
        .ok_or_else(|| reference.error(format!("there is no `{name}` under components.{section}")))
}
