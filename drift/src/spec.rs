//! The spec: its operations, their parameters, and the schemas of request and response bodies.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::mutant::escaped;

/// The unchanged spec.
pub(crate) struct Spec {
    pub(crate) text: String,
    pub(crate) document: Value,
    pub(crate) operations: Vec<Operation>,
    /// The names of the objects that are part of a request body.
    pub(crate) requests: Vec<String>,
    /// Those of them that are merge patches.
    pub(crate) merge_patches: Vec<String>,
    /// The names of the objects that are part of a response body.
    pub(crate) responses: Vec<String>,
}

/// An operation and its place in the spec.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) method: String,
    /// A JSON pointer.
    pub(crate) pointer: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter with its references resolved.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) in_path: bool,
    pub(crate) in_query: bool,
    pub(crate) in_header: bool,
    pub(crate) required: bool,
    pub(crate) value: Value,
}

impl Spec {
    pub(crate) fn read(text: String) -> Result<Self, Error> {
        let document = tenant_registry_codegen::to_json(&text)?;
        let mut operations = Vec::new();
        for (path, item) in entries(&document, "/paths")? {
            for (method, operation) in item.as_object().into_iter().flatten() {
                operations.push(read_operation(&document, path, method, operation)?);
            }
        }
        let mut requests = BTreeSet::new();
        let mut merge_patches = BTreeSet::new();
        let mut responses = BTreeSet::new();
        for operation in &operations {
            let place = |name: &str| document.pointer(&format!("{}/{name}", operation.pointer));
            place("requestBody").inspect(|it| collect_schemas(&document, it, &mut requests));
            if operation.method == "patch" {
                place("requestBody").inspect(|it| collect_schemas(&document, it, &mut merge_patches));
            }
            place("responses").inspect(|it| collect_schemas(&document, it, &mut responses));
        }
        let names = |used: &BTreeSet<String>| -> Result<Vec<String>, Error> {
            Ok(entries(&document, "/components/schemas")?
                .iter()
                .filter(|(name, schema)| used.contains(*name) && schema.get("properties").is_some())
                .map(|(name, _)| name.clone())
                .collect())
        };
        let (requests, merge_patches, responses) = (names(&requests)?, names(&merge_patches)?, names(&responses)?);
        Ok(Self {
            text,
            operations,
            requests,
            merge_patches,
            responses,
            document,
        })
    }

    /// Returns the properties of an object schema, in order.
    pub(crate) fn properties(&self, schema: &str) -> Vec<Property<'_>> {
        let pointer = format!("/components/schemas/{schema}");
        let Some(object) = self.document.pointer(&pointer) else {
            return Vec::new();
        };
        let required = |name: &str| {
            object
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|it| it == name))
        };
        object
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, value)| Property {
                name,
                value,
                required: required(name),
                pointer: format!("{pointer}/properties/{name}"),
            })
            .collect()
    }

    /// Returns the changed list of required properties of an object schema.
    pub(crate) fn required(&self, schema: &str, without: Option<&str>, with: Option<&str>) -> Value {
        let list = self.document.pointer(&format!("/components/schemas/{schema}/required"));
        let mut names: Vec<Value> = list.and_then(Value::as_array).cloned().unwrap_or_default();
        names.retain(|name| Some(name.as_str().unwrap_or_default()) != without);
        names.extend(with.map(Value::from));
        Value::Array(names)
    }

    /// All scopes, in order.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &String> {
        self.document
            .pointer("/components/securitySchemes/bearer/x-scopes")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
    }

    /// All schemas, in order.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    }
}

/// A property of an object.
pub(crate) struct Property<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a Value,
    pub(crate) required: bool,
    /// A JSON pointer.
    pub(crate) pointer: String,
}

impl Property<'_> {
    pub(crate) fn is_nullable(&self) -> bool {
        self.value.get("type").is_some_and(Value::is_array) || self.value.get("oneOf").is_some()
    }

    pub(crate) fn has_default(&self) -> bool {
        self.value.get("default").is_some()
    }
}

fn entries<'a>(document: &'a Value, pointer: &str) -> Result<&'a Map<String, Value>, Error> {
    document
        .pointer(pointer)
        .and_then(Value::as_object)
        .ok_or_else(|| Error::Shape(pointer.to_owned()))
}

fn read_operation(document: &Value, path: &str, method: &str, operation: &Value) -> Result<Operation, Error> {
    let pointer = format!("/paths/{}/{method}", escaped(path));
    let id = operation.get("operationId").and_then(Value::as_str);
    let mut parameters = Vec::new();
    for value in operation
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let value = resolved(document, value);
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        parameters.push(Parameter {
            name: text("name").to_owned(),
            in_path: text("in") == "path",
            in_query: text("in") == "query",
            in_header: text("in") == "header",
            required: value.get("required") == Some(&Value::Bool(true)),
            value: value.clone(),
        });
    }
    Ok(Operation {
        id: id
            .ok_or_else(|| Error::Shape(format!("{pointer}/operationId")))?
            .to_owned(),
        path: path.to_owned(),
        method: method.to_owned(),
        pointer,
        parameters,
    })
}

/// Resolves the `$ref` of a value. Returns a value without one unchanged.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| document.pointer(reference.strip_prefix('#')?))
        .unwrap_or(value)
}

/// Collects the names of all schemas that a value refers to, directly or indirectly.
fn collect_schemas(document: &Value, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let is_new = match reference.strip_prefix("#/components/schemas/") {
                    Some(name) => names.insert(name.to_owned()),
                    None => true,
                };
                if is_new && let Some(target) = reference.strip_prefix('#').and_then(|it| document.pointer(it)) {
                    collect_schemas(document, target, names);
                }
            }
            map.values().for_each(|it| collect_schemas(document, it, names));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_schemas(document, it, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
