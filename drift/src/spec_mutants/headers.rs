//! Mutants of header parameters, with all that an operation declares for the header.

use serde_json::{Value, json};

use super::{mutant, operation_probes};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::{Operation, Spec};

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for operation in &spec.operations {
        if operation.method == "get" && operation.parameters.iter().all(|it| !it.in_header) {
            mutants.push(added(operation));
        }
        for (index, parameter) in operation.parameters.iter().enumerate() {
            if parameter.in_header {
                mutants.push(made_required(operation, index));
                mutants.push(removed(spec, operation, index));
            }
        }
    }
    mutants
}

fn pointer(operation: &Operation, place: &str) -> String {
    format!("{}/{place}", operation.pointer)
}

fn parameters(operation: &Operation, change: impl FnOnce(&mut Vec<Value>)) -> Edit {
    let mut values = operation.parameters.iter().map(|it| it.value.clone()).collect();
    change(&mut values);
    Edit::Set(pointer(operation, "parameters"), Value::Array(values))
}

/// The operation becomes conditional.
fn added(operation: &Operation) -> Mutant {
    let headers = json!({"ETag": {"$ref": "#/components/headers/ETag"}});
    let parameter = json!({"$ref": "#/components/parameters/IfNoneMatch"});
    let not_modified = json!({"description": "Not modified.", "headers": headers});
    let edits = vec![
        parameters(operation, |values| values.push(parameter)),
        Edit::Set(pointer(operation, "responses/200/headers"), headers),
        Edit::Set(pointer(operation, "responses/304"), not_modified),
    ];
    let title = format!("`If-None-Match` of `{}`", operation.id);
    Mutant {
        probe: Some(operation_probes::not_modified(operation, true)),
        ..mutant(
            Kind::HeaderParameterAdded,
            &pointer(operation, "parameters"),
            title,
            edits,
        )
    }
}

fn made_required(operation: &Operation, index: usize) -> Mutant {
    let place = pointer(operation, &format!("parameters/{index}"));
    let mut value = operation.parameters[index].value.clone();
    value["required"] = json!(true);
    let title = format!("`{}` of `{}`", operation.parameters[index].name, operation.id);
    mutant(
        Kind::HeaderParameterMadeRequired,
        &place,
        title,
        vec![Edit::Set(place.clone(), value)],
    )
}

/// The operation no longer takes the header, nor returns what belongs to it.
fn removed(spec: &Spec, operation: &Operation, index: usize) -> Mutant {
    let name = &operation.parameters[index].name;
    let belonging: &[&str] = match name.as_str() {
        "If-Match" => &["responses/412"],
        "If-None-Match" => &["responses/304", "responses/200/headers"],
        "Idempotency-Key" => &[
            "responses/422",
            "responses/200/headers/Idempotency-Replayed",
            "responses/201/headers/Idempotency-Replayed",
            "responses/202/headers/Idempotency-Replayed",
        ],
        _ => &[],
    };
    let mut edits = vec![parameters(operation, |values| {
        values.remove(index);
    })];
    let places = belonging.iter().map(|place| pointer(operation, place));
    let present = places.filter(|place| spec.document.pointer(place).is_some());
    edits.extend(present.map(Edit::Remove));
    if name == "Idempotency-Key" {
        // Without the header `Retry-After`.
        let conflict = json!({"$ref": "#/components/responses/Conflict"});
        edits.push(Edit::Set(pointer(operation, "responses/409"), conflict));
    }
    let title = format!("`{name}` of `{}`", operation.id);
    let place = pointer(operation, &format!("parameters/{index}"));
    Mutant {
        probe: (name == "If-None-Match").then(|| operation_probes::not_modified(operation, false)),
        ..mutant(Kind::HeaderParameterRemoved, &place, title, edits)
    }
}
