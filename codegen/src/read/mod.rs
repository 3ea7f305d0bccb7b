//! Reads the model from the document. Everything that the generator does not support is an error here, with its place.

mod bodies;
mod closed;
mod conditional;
mod operations;
mod parameters;
mod responses;
mod schemas;
mod security;
mod status;
mod values;

use std::collections::BTreeMap;

use crate::Error;
use crate::document::{Node, Place};
use crate::model::{Api, Tag};
use crate::names;

/// Reads and checks a whole document.
pub(crate) fn api(document: &Node) -> Result<Api, Error> {
    let root = document.root();
    security::check_document(&root)?;
    root.only(&[
        "openapi",
        "info",
        "servers",
        "tags",
        "paths",
        "components",
        "externalDocs",
        "jsonSchemaDialect",
    ])?;
    let version = root.require("openapi")?;
    if !version.text()?.starts_with("3.1.") {
        return Err(version.error("the generator supports OpenAPI 3.1 only"));
    }
    let tags = tags(&root)?;
    let schemas = match root.get("components").and_then(|it| it.get("schemas")) {
        Some(place) => schemas::all(&place)?,
        None => Vec::new(),
    };
    let scheme = security::scheme(&root)?;
    let operations = operations::all(&root, &tags, &schemas, scheme.as_ref())?;
    let api = Api {
        tags,
        operations,
        schemas,
        scheme,
    };
    if let Some(place) = root.get("components").and_then(|it| it.get("schemas")) {
        values::defaults(&place, &api)?;
        closed::check(&place, &api)?;
    }
    Ok(api)
}

fn tags(root: &Place<'_>) -> Result<Vec<Tag>, Error> {
    let place = root.require("tags")?;
    let mut seen = BTreeMap::new();
    let mut tags = Vec::new();
    for item in place.items()? {
        item.only(&["name", "description", "externalDocs"])?;
        let name = item.require("name")?;
        let text = name.text()?;
        names::check_identifier(&name, text)?;
        if seen.insert(text.to_owned(), ()).is_some() {
            return Err(name.error(format!("the tag `{text}` is listed twice")));
        }
        tags.push(Tag {
            name: text.to_owned(),
            description: item.require("description")?.text()?.trim().to_owned(),
        });
    }
    Ok(tags)
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
