//! Generates clients from small models.

use serde_json::json;

use super::parts::Parts;
use super::{generate, lowering, progenitor, send};
use crate::model::{
    Access, Api, Body, Conditions, Format, Kind, Location, Method, Operation, Parameter, Response, Schema, Segment,
    Status, Tag, Type, Width,
};

const OK: Status = Status {
    code: 200,
    variant: "Ok",
    constant: "OK",
};

fn api(operations: Vec<Operation>) -> Api {
    Api {
        tags: vec![Tag {
            name: "things".to_owned(),
            description: "Things.".to_owned(),
        }],
        operations,
        schemas: ["APIThing", "ThingChange"].map(schema).into(),
        scheme: None,
    }
}

fn schema(name: &str) -> Schema {
    Schema {
        name: name.to_owned(),
        description: "A schema.".to_owned(),
        kind: Kind::Object(Vec::new()),
        max_bytes: None,
    }
}

/// `POST /things/{id}/change` with this body, which returns only 200.
fn change(body: Option<bool>) -> Operation {
    Operation {
        id: "thing_change".to_owned(),
        tag: "things".to_owned(),
        method: Method::Post,
        path: vec![
            Segment::Literal("things".to_owned()),
            Segment::Variable("id".to_owned()),
            Segment::Literal("change".to_owned()),
        ],
        summary: "Change a thing.".to_owned(),
        description: None,
        parameters: vec![parameter("id", Location::Path, Type::Integer(Width::I64))],
        body: body.map(|required| Body {
            required,
            schema: "ThingChange".to_owned(),
            is_merge_patch: false,
        }),
        responses: vec![Response {
            status: OK,
            description: "The thing.".to_owned(),
            body: Some("APIThing".to_owned()),
            headers: Vec::new(),
        }],
        conditions: Conditions::None,
        idempotency: None,
        access: Access::Open,
    }
}

fn parameter(name: &str, location: Location, ty: Type) -> Parameter {
    Parameter {
        name: name.to_owned(),
        location,
        description: None,
        required: location == Location::Path,
        ty,
        default: None,
    }
}

/// The text of the generated file of the one tag.
fn builder(operation: Operation) -> String {
    let files = generate(&api(vec![operation]), &json!({}), "", false).expect("the model is supported");
    files
        .into_iter()
        .find(|file| file.path == "builder/things.rs")
        .expect("the tag has a file")
        .text
}

/// The error for a client of this operation.
fn error(operation: Operation) -> crate::Error {
    generate(&api(vec![operation]), &json!({}), "", false).expect_err("the model is not supported")
}

#[test]
fn the_lowered_document_is_openapi_3_0() {
    let mut operation = change(Some(false));
    operation
        .parameters
        .push(parameter("day", Location::Query, Type::Formatted(Format::Date)));
    let document = lowering::document(&api(vec![operation]), "7").expect("the model is supported");
    // Compared as documents: whether a default is written out depends on the features of others in the build.
    let expected: openapiv3::OpenAPI = serde_json::from_value(json!({
        "openapi": "3.0.3",
        "info": { "title": "", "version": "7" },
        "paths": { "/things/{id}/change": { "post": {
            "tags": ["things"],
            "operationId": "thing_change",
            "parameters": [
                {
                    "in": "path",
                    "name": "id",
                    "required": true,
                    "schema": { "type": "integer", "format": "int64" },
                    "style": "simple",
                },
                {
                    "in": "query",
                    "name": "day",
                    "schema": { "$ref": "#/components/schemas/Date" },
                    "style": "form",
                },
            ],
            "requestBody": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/SchemaThingChange" },
            } } },
            "responses": { "200": { "description": "", "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/SchemaApiThing" },
            } } } },
        } } },
        "components": { "schemas": {
            "Date": { "type": "object" },
            "SchemaApiThing": { "type": "object" },
            "SchemaThingChange": { "type": "object" },
            "Timestamp": { "type": "object" },
        } },
    }))
    .expect("the expected document is one");
    assert_eq!(document, expected);
}

#[test]
fn an_optional_body_is_sent_only_if_it_is_set() {
    let text = builder(change(Some(false)));
    assert!(text.contains("body: Result<Option<types::ThingChange>, String>"));
    assert!(text.contains("body: Ok(None)"));
    assert!(text.contains("if let Some(body) = &body {\n            request = request.json(body);"));
    assert!(!text.contains(".json(&body)"));
}

#[test]
fn a_required_body_is_always_sent() {
    let text = builder(change(Some(true)));
    assert!(text.contains("body: Result<types::ThingChange, String>"));
    assert!(text.contains("Err(\"`body` is missing\".to_owned())"));
    assert!(text.contains(".json(&body)"));
}

#[test]
fn an_operation_without_a_body_has_no_setter_for_it() {
    assert!(!builder(change(None)).contains("body"));
}

#[test]
fn variables_are_encoded_into_the_path() {
    let text = builder(change(None));
    assert!(text.contains("let id = encode_path(&id.to_string());"));
    assert!(text.contains("format!(\"{}/things/{id}/change\", client.baseurl)"));
}

#[test]
fn no_type_of_progenitor_remains() {
    let operation = change(Some(false));
    let files = generate(&api(vec![operation]), &json!({}), "", false).expect("the model is supported");
    for file in files {
        for left in ["mod types", "allow(", "::std::", "unwrap", "header_map"] {
            assert!(!file.text.contains(left), "{}: {left}", file.path);
        }
    }
}

#[test]
fn a_request_in_an_unexpected_form_is_an_error_of_its_operation() {
    let operation = change(Some(false));
    let file = progenitor::generate(&api(vec![operation.clone()]), "").expect("it is supported");
    let mut parts = Parts::new(file).expect("the parts are known");
    let mut part = parts.take(&operation).expect("the operation has a builder");
    part.send.block = syn::parse_quote! {{
        let url = String::new();
        let request = client.client.post(url).headers(header_map).build()?;
    }};
    let error = send::body(&api(Vec::new()), &operation, &part.send).expect_err("there is no `.json(…)`");
    assert_eq!(error.faults()[0].operation.as_deref(), Some("thing_change"));
    assert!(error.to_string().contains(".json(&body)"), "{error}");
}

#[test]
fn successes_of_two_types_are_an_error() {
    let mut operation = change(None);
    operation.responses.push(Response {
        status: Status { code: 202, ..OK },
        description: "Later.".to_owned(),
        body: None,
        headers: Vec::new(),
    });
    let error = error(operation);
    assert!(error.to_string().contains("successes"), "{error}");
}

#[test]
fn a_list_as_a_parameter_is_an_error() {
    let mut operation = change(None);
    let list = Type::Array(Box::new(Type::String));
    operation.parameters.push(parameter("names", Location::Query, list));
    let error = error(operation);
    assert_eq!(error.faults()[0].operation.as_deref(), Some("thing_change"));
    assert!(error.to_string().contains("`names`"), "{error}");
}

#[test]
fn the_fingerprint_is_fnv_1a() {
    // From the authors' list of test vectors.
    assert_eq!(crate::fingerprint::fnv_1a("foobar"), 0x8594_4171_f739_67e8);
}
