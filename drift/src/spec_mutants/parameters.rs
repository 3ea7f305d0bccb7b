//! Mutants of parameters. A shared parameter is copied into one operation and changed there.

use serde_json::{Value, json};

use super::{mutant, operation_probes};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::{Operation, Parameter, Spec};

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for operation in &spec.operations {
        for required in [true, false] {
            mutants.push(added(operation, required));
        }
        for index in 0..operation.parameters.len() {
            mutants.push(removed(operation, index));
            mutants.push(renamed(operation, index));
            mutants.push(retyped(spec, operation, index));
            mutants.push(presence(operation, index));
        }
    }
    mutants
}

/// Changes the list of the operation's parameters.
fn list(operation: &Operation, change: impl FnOnce(&mut Vec<Value>)) -> Edit {
    let mut values = operation.parameters.iter().map(|it| it.value.clone()).collect();
    change(&mut values);
    Edit::Set(format!("{}/parameters", operation.pointer), Value::Array(values))
}

/// Changes one of the operation's parameters.
fn one(operation: &Operation, index: usize, change: impl FnOnce(&mut Value)) -> Edit {
    let mut value = operation.parameters[index].value.clone();
    change(&mut value);
    Edit::Set(place(operation, index), value)
}

fn place(operation: &Operation, index: usize) -> String {
    format!("{}/parameters/{index}", operation.pointer)
}

fn title(operation: &Operation, parameter: &Parameter) -> String {
    format!("`{}` of `{}`", parameter.name, operation.id)
}

fn added(operation: &Operation, required: bool) -> Mutant {
    let parameter = json!({
        "in": "query",
        "name": "added",
        "required": required,
        "description": "Added.",
        "schema": {"type": "boolean"},
    });
    let edits = vec![list(operation, |values| values.push(parameter))];
    let how = if required { "required" } else { "optional" };
    mutant(
        Kind::ParameterAdded,
        &format!("{}/parameters", operation.pointer),
        format!("`added` of `{}`, {how}", operation.id),
        edits,
    )
}

/// Replaces or removes the segment of a path parameter.
fn path_with(operation: &Operation, name: &str, replacement: Option<&str>) -> String {
    operation
        .path
        .split('/')
        .filter_map(|segment| {
            if segment == format!("{{{name}}}") {
                replacement
            } else {
                Some(segment)
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn move_to(operation: &Operation, path: String) -> Edit {
    Edit::Move {
        from: (operation.path.clone(), operation.method.clone()),
        to: (path, operation.method.clone()),
    }
}

fn removed(operation: &Operation, index: usize) -> Mutant {
    let parameter = &operation.parameters[index];
    let mut edits = vec![list(operation, |values| {
        values.remove(index);
    })];
    if parameter.in_path {
        // Replaced by a literal, because the shorter path may belong to another operation.
        edits.push(move_to(
            operation,
            path_with(operation, &parameter.name, Some("removed")),
        ));
    }
    mutant(
        Kind::ParameterRemoved,
        &place(operation, index),
        title(operation, parameter),
        edits,
    )
}

/// Without a probe: the build must break, because hand-written code names each parameter.
fn renamed(operation: &Operation, index: usize) -> Mutant {
    let parameter = &operation.parameters[index];
    let to = format!("renamed_{}", parameter.name);
    let mut edits = vec![one(operation, index, |value| value["name"] = json!(to))];
    if parameter.in_path {
        edits.push(move_to(
            operation,
            path_with(operation, &parameter.name, Some(&format!("{{{to}}}"))),
        ));
    }
    mutant(
        Kind::ParameterRenamed,
        &place(operation, index),
        title(operation, parameter),
        edits,
    )
}

/// Changes the type to a similar one: a named type to a plain string, and an integer or a plain string to an integer.
fn retyped(spec: &Spec, operation: &Operation, index: usize) -> Mutant {
    let parameter = &operation.parameters[index];
    let named = parameter.value.pointer("/schema/$ref").and_then(Value::as_str);
    let is_integer = named
        .and_then(|reference| spec.document.pointer(reference.strip_prefix('#')?))
        .is_some_and(|schema| schema["type"] == "integer");
    let is_text = parameter
        .value
        .pointer("/schema/type")
        .is_some_and(|kind| kind == "string");
    let schema = if is_integer || is_text {
        json!({"type": "integer", "format": "int32"})
    } else {
        json!({"type": "string"})
    };
    let description = format!("{} becomes {schema}", title(operation, parameter));
    let schema = match parameter.value.pointer("/schema/default") {
        Some(default) => {
            let mut schema = schema;
            schema["default"] = default.clone();
            schema
        }
        None => schema,
    };
    let edits = vec![one(operation, index, |value| value["schema"] = schema)];
    mutant(Kind::ParameterRetyped, &place(operation, index), description, edits)
}

fn presence(operation: &Operation, index: usize) -> Mutant {
    let parameter = &operation.parameters[index];
    let kind = if parameter.required {
        Kind::ParameterMadeOptional
    } else {
        Kind::ParameterMadeRequired
    };
    let edits = vec![one(operation, index, |value| {
        value["required"] = json!(!parameter.required);
        if !parameter.required
            && let Some(schema) = value["schema"].as_object_mut()
        {
            // A required parameter cannot have a default.
            schema.shift_remove("default");
        }
    })];
    Mutant {
        probe: (!parameter.required).then(|| operation_probes::required_parameter(operation, &parameter.name)),
        ..mutant(kind, &place(operation, index), title(operation, parameter), edits)
    }
}
