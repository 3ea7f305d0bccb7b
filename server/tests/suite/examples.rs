//! The examples of the spec: all are valid, and requests can be sent as they are to a service that was just started.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::openapi::SPEC;
use crate::harness::process::ServiceProcess;
use reqwest::Method;
use serde_json::Value;

process_cases![every_example_is_valid, every_request_can_be_sent_as_it_is];

/// The operations whose example cannot succeed on a service that was just started, whose tenant is active.
const CONFLICT: [&str; 2] = ["tenant_archive", "tenant_delete"];

/// The operations whose example cannot succeed on a service that was just started, which has only a tenant.
const NOT_FOUND: [&str; 10] = [
    "project_get",
    "project_update",
    "project_delete",
    "entitlement_get",
    "entitlement_revoke",
    "api_key_get",
    "api_key_update",
    "api_key_rotate",
    "api_key_revoke",
    "audit_get",
];

/// The example of a schema, as the API reference shows it: its own, or one made of its properties and items.
fn example(schema: &Value) -> Value {
    let own = schema.get("examples").and_then(|examples| examples.get(0));
    if let Some(own) = own.or_else(|| schema.get("default")) {
        return own.clone();
    }
    if let Some(referenced) = schema.get("$ref").map(|_| SPEC.resolve(schema)) {
        return example(referenced);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(properties.map(|(name, it)| (name.clone(), example(it))).collect())
        }
        Some("array") => Value::Array(vec![example(&schema["items"])]),
        Some("boolean") => Value::Bool(true),
        other => panic!("no example for {other:?}: {schema}"),
    }
}

/// The example of a body: that of the media type, or that of its schema.
fn body_example(content: &Value) -> Value {
    let media = &content["application/json"];
    media
        .get("example")
        .cloned()
        .unwrap_or_else(|| example(&media["schema"]))
}

/// Checks the examples at and below a node of the document. Returns how many there are.
fn check_examples(node: &Value, pointer: &str) -> usize {
    let children: usize = match node {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "example" && *name != "examples")
            .map(|(name, child)| check_examples(child, &format!("{pointer}/{name}")))
            .sum(),
        Value::Array(items) => items.iter().map(|item| check_examples(item, pointer)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    let Some(members) = node.as_object() else {
        return children;
    };
    let (schema, examples) = match (members.get("schema"), members.get("example"), members.get("examples")) {
        (Some(schema), Some(example), None) => (schema, vec![example]),
        (None, None, Some(Value::Array(examples))) => (node, examples.iter().collect()),
        (_, None, None) => return children,
        other => panic!("{pointer}: {other:?}"),
    };
    let validator = SPEC.validator(schema);
    for example in &examples {
        let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{pointer}: {example}: {errors:?}");
    }
    children + examples.len()
}

async fn every_example_is_valid() {
    let checked = check_examples(&SPEC.document, "");
    assert!(checked > 60, "{checked} examples are too few to be all");
    for (_, _, operation) in SPEC.operation_objects() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if let Some(content) = SPEC.resolve(response).get("content") {
                let body = body_example(content);
                let schema = SPEC.validator(&content["application/json"]["schema"]);
                assert!(schema.is_valid(&body), "{}, {status}: {body}", operation["operationId"]);
            }
        }
    }
}

/// The path of an operation with the examples of all parameters.
fn path_with_examples(path: &str, operation: &Value) -> String {
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut path = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in SPEC.parameters(operation) {
        let name = parameter["name"].as_str().unwrap();
        let value = parameter.get("example").cloned();
        let value = text(value.unwrap_or_else(|| example(&parameter["schema"])));
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &value);
        } else {
            query.append_pair(name, &value);
        }
    }
    format!("{path}?{}", query.finish())
}

async fn every_request_can_be_sent_as_it_is() {
    for (method, path, operation) in SPEC.operation_objects() {
        let id = operation["operationId"].as_str().unwrap();
        let process = ServiceProcess::serve(&|command| command).await;
        let path = path_with_examples(path, operation);
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut request = process.raw.request(method, path.trim_end_matches('?'));
        if let Some(content) = operation["requestBody"].get("content") {
            request = request.json(&body_example(content));
        }
        let response = RawResponse::from_request(request).await;
        if CONFLICT.contains(&id) {
            assert_eq!(response.status, 409, "{id}: {response:?}");
        } else if NOT_FOUND.contains(&id) {
            assert_eq!(response.status, 404, "{id}: {response:?}");
        } else {
            assert!((200..300).contains(&response.status), "{id}: {path}: {response:?}");
        }
    }
}
