//! Writes the model as the OpenAPI 3.0 document that progenitor reads.
//!
//! progenitor supports only OpenAPI 3.0, and panics on some documents. The model does not depend on the OpenAPI version and
//! contains nothing on which progenitor panics. The schemas under `components` are empty, because `crate::types` has a
//! replacement for each.

use openapiv3::OpenAPI;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::model::{Api, Format, Location, Operation, Parameter, Type, Width};
use crate::names;

/// The version of OpenAPI that progenitor reads.
const OPENAPI_VERSION: &str = "3.0.3";

/// The types of dates and times, which have no schema of the spec.
const TIMES: [&str; 2] = ["Date", "Timestamp"];

/// Writes the document; `version` is the API's, as the spec states it.
pub(super) fn document(api: &Api, version: &str) -> Result<OpenAPI, Error> {
    let schemas: Map<String, Value> = replaced_types(api)
        .map(|(component, _)| (component, json!({ "type": "object", "properties": {} })))
        .collect();
    let mut paths = Map::new();
    for operation in &api.operations {
        let item = paths.entry(operation.path_text()).or_insert_with(|| json!({}));
        item[operation.method.key()] = lower(operation)?;
    }
    let document = json!({
        "openapi": OPENAPI_VERSION,
        "info": { "title": "", "version": version },
        "paths": paths,
        "components": { "schemas": schemas },
    });
    serde_json::from_value(document).map_err(|error| {
        Error::document(format!(
            "the document lowered to OpenAPI {OPENAPI_VERSION} is not valid ({error}); this is a bug in the generator"
        ))
    })
}

/// The names of the schemas in the document, and the types of `crate::types` that replace them.
pub(super) fn replaced_types(api: &Api) -> impl Iterator<Item = (String, String)> {
    let schemas = api
        .schemas
        .iter()
        .map(|schema| (component(&schema.name), names::type_name(&schema.name)));
    schemas.chain(TIMES.map(|name| (name.to_owned(), name.to_owned())))
}

fn lower(operation: &Operation) -> Result<Value, Error> {
    let parameters = operation
        .parameters
        .iter()
        .map(parameter)
        .collect::<Result<Vec<_>, Error>>()
        .map_err(|error| error.in_operation(&operation.id))?;
    let mut lowered = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "parameters": parameters,
    });
    if let Some(body) = &operation.body {
        lowered["requestBody"] = json!({
            "required": body.required,
            "content": { "application/json": { "schema": reference(&body.schema) } },
        });
    }
    let responses: Map<String, Value> = operation
        .responses
        .iter()
        .map(|response| {
            let mut lowered = json!({ "description": "" });
            if let Some(name) = &response.body {
                lowered["content"] = json!({ "application/json": { "schema": reference(name) } });
            }
            (response.status.code.to_string(), lowered)
        })
        .collect();
    lowered["responses"] = Value::Object(responses);
    Ok(lowered)
}

fn parameter(parameter: &Parameter) -> Result<Value, Error> {
    let location = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header(_) => "header",
    };
    Ok(json!({
        "in": location,
        "name": parameter.name,
        "required": parameter.required,
        "schema": schema(&parameter.name, &parameter.ty)?,
    }))
}

fn schema(parameter: &str, ty: &Type) -> Result<Value, Error> {
    Ok(match ty {
        Type::Named(name) => reference(name),
        Type::String => json!({ "type": "string" }),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Number => json!({ "type": "number", "format": "double" }),
        Type::Integer(Width::I32) => json!({ "type": "integer", "format": "int32" }),
        Type::Integer(Width::I64) => json!({ "type": "integer", "format": "int64" }),
        Type::Formatted(Format::Uuid) => json!({ "type": "string", "format": "uuid" }),
        Type::Formatted(Format::Date) => json!({ "$ref": "#/components/schemas/Date" }),
        Type::Formatted(Format::DateTime) => json!({ "$ref": "#/components/schemas/Timestamp" }),
        Type::Array(_) | Type::FreeForm => {
            return Err(Error::document(format!(
                "the client cannot send a list or an object as the parameter `{parameter}`; move it to the body"
            )));
        }
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", component(name)) })
}

/// The name of a schema in the document. The prefix keeps it apart from all names that progenitor's own code uses.
pub(super) fn component(name: &str) -> String {
    format!("Schema{}", names::operation_type(name))
}
