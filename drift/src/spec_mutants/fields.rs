//! Mutants of the properties of request and response bodies.

use serde_json::{Value, json};

use super::{mutant, operation_probes};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::{Property, Spec};

/// The kinds for requests or for responses.
struct Kinds {
    added_required: Kind,
    added_optional: Kind,
    removed: Kind,
    renamed: Kind,
    retyped: Kind,
    made_required: Kind,
    made_optional: Kind,
    made_nullable: Kind,
    made_non_nullable: Kind,
}

const REQUEST: Kinds = Kinds {
    added_required: Kind::RequestFieldAddedRequired,
    added_optional: Kind::RequestFieldAddedOptional,
    removed: Kind::RequestFieldRemoved,
    renamed: Kind::RequestFieldRenamed,
    retyped: Kind::RequestFieldRetyped,
    made_required: Kind::RequestFieldMadeRequired,
    made_optional: Kind::RequestFieldMadeOptional,
    made_nullable: Kind::RequestFieldMadeNullable,
    // Only merge patches have nullable members.
    made_non_nullable: Kind::MergePatchMemberMadeNonNullable,
};

const MERGE_PATCH: Kinds = Kinds {
    added_optional: Kind::MergePatchMemberAdded,
    made_nullable: Kind::MergePatchMemberMadeNullable,
    ..REQUEST
};

const RESPONSE: Kinds = Kinds {
    added_required: Kind::ResponseFieldAddedRequired,
    added_optional: Kind::ResponseFieldAddedOptional,
    removed: Kind::ResponseFieldRemoved,
    renamed: Kind::ResponseFieldRenamed,
    retyped: Kind::ResponseFieldRetyped,
    made_required: Kind::ResponseFieldMadeRequired,
    made_optional: Kind::ResponseFieldMadeOptional,
    made_nullable: Kind::ResponseFieldMadeNullable,
    made_non_nullable: Kind::ResponseFieldMadeNonNullable,
};

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (schemas, kinds) in [(&spec.requests, &REQUEST), (&spec.responses, &RESPONSE)] {
        for schema in schemas {
            let kinds = if spec.merge_patches.contains(schema) {
                &MERGE_PATCH
            } else {
                kinds
            };
            mutants.push(added(spec, kinds, schema, true));
            mutants.push(added(spec, kinds, schema, false));
            for property in spec.properties(schema) {
                mutants.push(removed(spec, kinds, schema, &property));
                mutants.push(renamed(spec, kinds, schema, &property));
                mutants.push(retyped(kinds, schema, &property));
                mutants.push(presence(spec, kinds, schema, &property));
                mutants.push(nullability(kinds, schema, &property));
            }
        }
    }
    mutants
}

fn title(schema: &str, property: &Property<'_>) -> String {
    format!("`{schema}.{}`", property.name)
}

fn set_required(spec: &Spec, schema: &str, without: Option<&str>, with: Option<&str>) -> Edit {
    Edit::Set(
        format!("/components/schemas/{schema}/required"),
        spec.required(schema, without, with),
    )
}

fn added(spec: &Spec, kinds: &Kinds, schema: &str, required: bool) -> Mutant {
    let pointer = format!("/components/schemas/{schema}/properties");
    let mut edits = vec![Edit::Set(
        format!("{pointer}/added"),
        json!({"description": "Added.", "type": "string"}),
    )];
    let kind = if required {
        edits.push(set_required(spec, schema, None, Some("added")));
        kinds.added_required
    } else {
        kinds.added_optional
    };
    mutant(kind, &pointer, format!("`{schema}.added`"), edits)
}

fn removed(spec: &Spec, kinds: &Kinds, schema: &str, property: &Property<'_>) -> Mutant {
    let edits = vec![
        Edit::Remove(property.pointer.clone()),
        set_required(spec, schema, Some(property.name), None),
    ];
    mutant(kinds.removed, &property.pointer, title(schema, property), edits)
}

fn renamed(spec: &Spec, kinds: &Kinds, schema: &str, property: &Property<'_>) -> Mutant {
    let to = format!("renamed_{}", property.name);
    let with = property.required.then_some(to.as_str());
    let edits = vec![
        set_required(spec, schema, Some(property.name), with),
        Edit::Rename(property.pointer.clone(), to.clone()),
    ];
    mutant(kinds.renamed, &property.pointer, title(schema, property), edits)
}

/// Changes the type to a similar one: a plain string to an integer, a list to a list of strings, and all others to a
/// plain string.
fn retyped(kinds: &Kinds, schema: &str, property: &Property<'_>) -> Mutant {
    let is_plain_text = property.value["type"] == "string" && property.value.get("format").is_none();
    let text = if is_plain_text {
        json!({"type": "integer"})
    } else {
        json!({"type": "string"})
    };
    let mut value = if property.value["type"] == "array" {
        json!({"type": "array", "items": {"type": "string"}})
    } else if property.is_nullable() {
        json!({"type": ["string", "null"]})
    } else {
        text
    };
    let description = format!("{} becomes {value}", title(schema, property));
    match property.value.get("default") {
        Some(default @ Value::Bool(_)) => value["default"] = json!(default.to_string()),
        Some(default) => value["default"] = default.clone(),
        None => {}
    }
    let edits = vec![Edit::Set(property.pointer.clone(), value)];
    mutant(kinds.retyped, &property.pointer, description, edits)
}

fn presence(spec: &Spec, kinds: &Kinds, schema: &str, property: &Property<'_>) -> Mutant {
    let (kind, edit) = if property.required {
        (
            kinds.made_optional,
            set_required(spec, schema, Some(property.name), None),
        )
    } else {
        (
            kinds.made_required,
            set_required(spec, schema, None, Some(property.name)),
        )
    };
    let probe = (!property.required && property.has_default())
        .then(|| operation_probes::required_field(schema, property.name))
        .flatten();
    Mutant {
        probe,
        ..mutant(kind, &property.pointer, title(schema, property), vec![edit])
    }
}

fn nullability(kinds: &Kinds, schema: &str, property: &Property<'_>) -> Mutant {
    let mut value = property.value.clone();
    let kind = if property.is_nullable() {
        match value["oneOf"][0]["$ref"].as_str() {
            Some(reference) => {
                let description = value.get("description").cloned();
                value = json!({"$ref": reference});
                if let Some(description) = description {
                    value["description"] = description;
                }
            }
            None => {
                let name = value["type"][0].clone();
                value["type"] = name;
            }
        }
        kinds.made_non_nullable
    } else {
        match value.get("$ref").cloned() {
            Some(reference) => {
                value = json!({"oneOf": [{"$ref": reference}, {"type": "null"}]});
                if let Some(default) = property.value.get("default") {
                    value["default"] = default.clone();
                }
            }
            None => {
                let name = value["type"].clone();
                value["type"] = json!([name, "null"]);
            }
        }
        kinds.made_nullable
    };
    let edits = vec![Edit::Set(property.pointer.clone(), value)];
    mutant(kind, &property.pointer, title(schema, property), edits)
}
