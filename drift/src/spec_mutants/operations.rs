//! Mutants of operations: added, removed, or with another path, method, security, text or body requirement.

use serde_json::{Value, json};

use super::{mutant, operation_probes};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::{Operation, Spec};

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = added(spec);
    for operation in &spec.operations {
        mutants.push(removed(operation));
        mutants.push(path_changed(operation));
        mutants.extend(method_changed(spec, operation));
        mutants.push(security_removed(operation));
        mutants.extend(scopes_changed(spec, operation));
        mutants.extend(text_changed(spec, operation));
        mutants.extend(body_presence(spec, operation));
    }
    mutants
}

/// One mutant for each tag, because each tag has a separate trait.
fn added(spec: &Spec) -> Vec<Mutant> {
    let tags = spec
        .document
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    tags.filter_map(|tag| tag.get("name").and_then(Value::as_str))
        .map(|tag| {
            let operation = json!({
                "operationId": format!("{tag}_added"),
                "tags": [tag],
                "security": [],
                "summary": "Added.",
                "responses": {"204": {"description": "Done."}},
            });
            let edits = vec![Edit::Set(
                format!("/paths/~1v1~1added-{tag}"),
                json!({"get": operation}),
            )];
            mutant(
                Kind::OperationAdded,
                "/paths",
                format!("`{tag}_added`, tagged `{tag}`"),
                edits,
            )
        })
        .collect()
}

fn removed(operation: &Operation) -> Mutant {
    let edits = vec![Edit::Remove(operation.pointer.clone())];
    mutant(
        Kind::OperationRemoved,
        &operation.pointer,
        format!("`{}`", operation.id),
        edits,
    )
}

fn moved(kind: Kind, operation: &Operation, path: String, method: &str) -> Mutant {
    let edit = Edit::Move {
        from: (operation.path.clone(), operation.method.clone()),
        to: (path.clone(), method.to_owned()),
    };
    Mutant {
        probe: Some(operation_probes::moved(operation, &path, method)),
        ..mutant(
            kind,
            &operation.pointer,
            format!("`{}` is now `{} {path}`", operation.id, method.to_uppercase()),
            vec![edit],
        )
    }
}

fn path_changed(operation: &Operation) -> Mutant {
    let path = format!("/moved{}", operation.path);
    moved(Kind::PathChanged, operation, path, &operation.method)
}

/// The operation moves to a method that its path does not have yet.
fn method_changed(spec: &Spec, operation: &Operation) -> Option<Mutant> {
    let methods = match operation.method.as_str() {
        "post" => ["patch", "put"],
        _ => ["put", "post"],
    };
    let is_free = |method: &&str| {
        let mut operations = spec.operations.iter();
        !operations.any(|it| it.path == operation.path && it.method == **method)
    };
    let method = methods.into_iter().find(is_free)?;
    Some(moved(Kind::MethodChanged, operation, operation.path.clone(), method))
}

/// The operation no longer declares its security.
fn security_removed(operation: &Operation) -> Mutant {
    let pointer = format!("{}/security", operation.pointer);
    let edits = vec![Edit::Remove(pointer.clone())];
    mutant(Kind::SecurityRemoved, &pointer, format!("`{}`", operation.id), edits)
}

/// Another scope is enough too; one of several is no longer enough.
fn scopes_changed(spec: &Spec, operation: &Operation) -> Vec<Mutant> {
    let pointer = format!("{}/security", operation.pointer);
    let Some(alternatives) = spec.document.pointer(&pointer).and_then(Value::as_array) else {
        return Vec::new();
    };
    let changed = |kind, description: String, alternatives: Vec<Value>| {
        let alternatives = Value::Array(alternatives);
        Mutant {
            probe: Some(operation_probes::scopes(spec, operation, &alternatives)),
            ..mutant(
                kind,
                &pointer,
                description,
                vec![Edit::Set(pointer.clone(), alternatives)],
            )
        }
    };
    let added = spec
        .scopes()
        .find(|scope| !alternatives.iter().any(|it| requires(it, scope)));
    let added = added.filter(|_| !alternatives.is_empty()).map(|scope| {
        let more = [alternatives.as_slice(), &[json!({"bearer": [scope]})]].concat();
        changed(Kind::ScopeAdded, format!("`{scope}` of `{}`", operation.id), more)
    });
    let removed = (0..alternatives.len()).filter(|_| alternatives.len() > 1).map(|index| {
        let fewer = [&alternatives[..index], &alternatives[index + 1..]].concat();
        changed(
            Kind::ScopeRemoved,
            format!("{} of `{}`", alternatives[index], operation.id),
            fewer,
        )
    });
    added.into_iter().chain(removed).collect()
}

/// Whether the alternative requires the scope.
fn requires(alternative: &Value, scope: &str) -> bool {
    let scopes = alternative.get("bearer").and_then(Value::as_array);
    scopes.is_some_and(|scopes| scopes.iter().any(|it| it == scope))
}

/// The summary or the description changes.
fn text_changed(spec: &Spec, operation: &Operation) -> Vec<Mutant> {
    ["summary", "description"]
        .into_iter()
        .map(|key| format!("{}/{key}", operation.pointer))
        .filter(|pointer| spec.document.pointer(pointer).is_some())
        .map(|pointer| {
            let edits = vec![Edit::Set(pointer.clone(), json!("Changed."))];
            mutant(Kind::TextChanged, &pointer, format!("`{}`", operation.id), edits)
        })
        .collect()
}

fn body_presence(spec: &Spec, operation: &Operation) -> Option<Mutant> {
    let pointer = format!("{}/requestBody/required", operation.pointer);
    let required = spec.document.pointer(&pointer)?.as_bool()?;
    let kind = if required {
        Kind::RequestBodyMadeOptional
    } else {
        Kind::RequestBodyMadeRequired
    };
    let edits = vec![Edit::Set(pointer.clone(), json!(!required))];
    Some(Mutant {
        probe: Some(operation_probes::body_presence(operation, !required)),
        ..mutant(kind, &pointer, format!("`{}`", operation.id), edits)
    })
}
