//! Mutants of responses: statuses, headers, content types, descriptions and enum values.

use serde_json::{Map, Value, json};

use super::{mutant, operation_probes};
use crate::mutant::{Edit, Kind, Mutant, escaped};
use crate::spec::{Operation, Spec, resolved};

/// A status that no operation declares.
const ADDED: &str = "410";

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for operation in &spec.operations {
        let pointer = format!("{}/responses", operation.pointer);
        mutants.push(added(operation, &pointer));
        mutants.extend(success_added(spec, operation, &pointer));
        for (status, response) in map(spec, &pointer) {
            let place = format!("{pointer}/{status}");
            mutants.push(mutant(
                Kind::StatusRemoved,
                &place,
                format!("{status} of `{}`", operation.id),
                vec![Edit::Remove(place.clone())],
            ));
            mutants.extend(text_changed(&place, response));
            mutants.extend(headers_changed(spec, &place));
            mutants.extend(content_type_changed(&place, response));
        }
        let body = format!("{}/requestBody", operation.pointer);
        if let Some(value) = spec.document.pointer(&body) {
            mutants.extend(content_type_changed(&body, value));
        }
    }
    for (name, response) in map(spec, "/components/responses") {
        let place = format!("/components/responses/{name}");
        mutants.extend(text_changed(&place, response));
        mutants.extend(headers_changed(spec, &place));
        mutants.extend(content_type_changed(&place, response));
    }
    for (name, schema) in spec.schemas() {
        let place = format!("/components/schemas/{name}");
        mutants.extend(text_changed(&place, schema));
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            mutants.extend(enum_changed(name, &place, values));
        }
    }
    mutants
}

fn map<'a>(spec: &'a Spec, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let found = spec.document.pointer(pointer).and_then(Value::as_object);
    found.map(Map::iter).into_iter().flatten()
}

fn added(operation: &Operation, pointer: &str) -> Mutant {
    let response = json!({
        "description": "Gone.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    });
    mutant(
        Kind::StatusAdded,
        pointer,
        format!("{ADDED} of `{}`", operation.id),
        vec![Edit::Set(format!("{pointer}/{ADDED}"), response)],
    )
}

/// Another status with the body of the success.
fn success_added(spec: &Spec, operation: &Operation, pointer: &str) -> Option<Mutant> {
    let declared = |status: &str| spec.document.pointer(&format!("{pointer}/{status}"));
    let success = ["200", "201", "202"].into_iter().find_map(declared)?;
    let added = ["200", "201", "202"]
        .into_iter()
        .find(|status| declared(status).is_none())?;
    let edits = vec![Edit::Set(format!("{pointer}/{added}"), success.clone())];
    Some(mutant(
        Kind::SuccessAdded,
        pointer,
        format!("{added} of `{}`", operation.id),
        edits,
    ))
}

fn text_changed(place: &str, value: &Value) -> Option<Mutant> {
    value.get("description")?;
    let pointer = format!("{place}/description");
    let edits = vec![Edit::Set(pointer.clone(), json!("Changed."))];
    Some(mutant(Kind::TextChanged, &pointer, "the description", edits))
}

/// A shared header is copied into the response and changed there.
fn headers_changed(spec: &Spec, place: &str) -> Vec<Mutant> {
    let headers = format!("{place}/headers");
    map(spec, &headers)
        .flat_map(|(name, header)| {
            let pointer = format!("{headers}/{name}");
            let mut optional = resolved(&spec.document, header).clone();
            optional["required"] = json!(false);
            let removed = vec![Edit::Remove(pointer.clone())];
            let optional = vec![Edit::Set(pointer.clone(), optional)];
            [
                Mutant {
                    probe: operation_probes::entity_tag_removed(&pointer),
                    ..mutant(Kind::HeaderRemoved, &pointer, format!("`{name}`"), removed)
                },
                mutant(Kind::HeaderMadeOptional, &pointer, format!("`{name}`"), optional),
            ]
        })
        .collect()
}

fn content_type_changed(place: &str, value: &Value) -> Option<Mutant> {
    value.get("content")?;
    let json = format!("{place}/content/{}", escaped("application/json"));
    let edits = vec![Edit::Rename(json.clone(), "application/xml".to_owned())];
    Some(mutant(
        Kind::ContentTypeChanged,
        &json,
        "becomes `application/xml`",
        edits,
    ))
}

fn enum_changed(name: &str, place: &str, values: &[Value]) -> Vec<Mutant> {
    let pointer = format!("{place}/enum");
    let set = |values: Vec<Value>| vec![Edit::Set(pointer.clone(), Value::Array(values))];
    let more = [values, &[json!("added")]].concat();
    let mut mutants = vec![mutant(
        Kind::EnumValueAdded,
        &pointer,
        format!("`added` of `{name}`"),
        set(more),
    )];
    for (index, value) in values.iter().enumerate() {
        let fewer = [&values[..index], &values[index + 1..]].concat();
        mutants.push(mutant(
            Kind::EnumValueRemoved,
            &format!("{pointer}/{index}"),
            format!("{value} of `{name}`"),
            set(fewer),
        ));
    }
    mutants
}
