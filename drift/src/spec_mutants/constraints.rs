//! Drifts of constraints and defaults.
//!
//! What a client sends is tried with a stricter and a looser rule. What the service alone makes is tried with a stricter
//! one: a looser one changes nothing that the service does.

use serde_json::{Value, json};

use super::{constraint_probes, mutant};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::Spec;

/// Which way a rule changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Stricter,
    Looser,
}

pub(super) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (name, schema) in spec.schemas() {
        for (keyword, kind) in [
            ("pattern", Kind::PatternChanged),
            ("minLength", Kind::MinimumLengthChanged),
            ("maxLength", Kind::MaximumLengthChanged),
            ("minimum", Kind::MinimumChanged),
            ("maximum", Kind::MaximumChanged),
        ] {
            let Some(value) = schema.get(keyword) else {
                continue;
            };
            for way in [Way::Stricter, Way::Looser] {
                if way == Way::Looser && is_made_by_the_service(name) {
                    continue;
                }
                mutants.extend(changed(name, keyword, kind, value, way));
            }
        }
        for property in spec.properties(name) {
            if let Some(default) = property.value.get("default") {
                mutants.extend(default_changed(
                    name,
                    &format!("{}/default", property.pointer),
                    property.name,
                    default,
                ));
            }
        }
    }
    for operation in &spec.operations {
        for (index, parameter) in operation.parameters.iter().enumerate() {
            // A parameter with a default of its own is written out where it is used.
            if let Some(default) = parameter.value.pointer("/schema/default") {
                let pointer = format!("{}/parameters/{index}/schema/default", operation.pointer);
                mutants.extend(default_changed(&operation.id, &pointer, &parameter.name, default));
            }
        }
    }
    mutants
}

fn is_made_by_the_service(schema: &str) -> bool {
    matches!(schema, "APIKeyPrefix" | "AuditEventId" | "RequestCount")
}

fn changed(name: &str, keyword: &str, kind: Kind, value: &Value, way: Way) -> Option<Mutant> {
    let pointer = format!("/components/schemas/{name}/{keyword}");
    let other = match value {
        Value::String(pattern) => json!(constraint_probes::other_pattern(name, pattern, way)),
        Value::Number(number) => {
            let number = number.as_i64()?;
            let is_lower_bound = keyword.starts_with("min");
            let step = constraint_probes::step(name);
            json!(if is_lower_bound == (way == Way::Stricter) {
                number + step
            } else {
                number - step
            })
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Mutant {
        probe: constraint_probes::constraint(name, keyword, value, &other, way),
        ..mutant(
            kind,
            &pointer,
            format!("{way:?}: {other} in place of {value}"),
            vec![Edit::Set(pointer.clone(), other)],
        )
    })
}

fn default_changed(owner: &str, pointer: &str, field: &str, default: &Value) -> Vec<Mutant> {
    let other = match default {
        Value::Bool(flag) => json!(!flag),
        Value::Number(_) => json!(2),
        Value::String(text) if text == "customer" => json!("demo"),
        Value::String(_) => json!("drift"),
        Value::Array(_) => json!(["drift"]),
        Value::Object(_) | Value::Null => json!({"drift": true}),
    };
    vec![
        Mutant {
            probe: constraint_probes::default(owner, field),
            ..mutant(
                Kind::DefaultChanged,
                pointer,
                format!("{other} in place of {default}"),
                vec![Edit::Set(pointer.to_owned(), other)],
            )
        },
        mutant(
            Kind::DefaultRemoved,
            pointer,
            format!("{default}"),
            vec![Edit::Remove(pointer.to_owned())],
        ),
    ]
}
