//! Mutants of constraints and defaults.
//!
//! Constraints of values that clients send are made stricter and looser. Constraints of values that only the service
//! creates are made stricter: a looser one changes nothing.

use serde_json::{Value, json};

use super::{constraint_probes, mutant};
use crate::mutant::{Edit, Kind, Mutant};
use crate::spec::Spec;

/// The direction in which a constraint changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
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
            for direction in [Direction::Stricter, Direction::Looser] {
                if direction == Direction::Looser && is_created_by_the_service(name) {
                    continue;
                }
                mutants.extend(changed(name, keyword, kind, value, direction));
            }
        }
        if schema.get("additionalProperties").is_some_and(|it| it == false) {
            let pointer = format!("/components/schemas/{name}/additionalProperties");
            mutants.push(mutant(
                Kind::UnknownMembersAllowed,
                &pointer,
                format!("`{name}`"),
                vec![Edit::Remove(pointer.clone())],
            ));
        }
        for property in spec.properties(name) {
            for (keyword, kind) in [
                ("minItems", Kind::MinimumItemsChanged),
                ("maxItems", Kind::MaximumItemsChanged),
                ("x-max-bytes", Kind::JsonLimitChanged),
                ("x-max-levels", Kind::JsonLimitChanged),
            ] {
                let limit = property.value.get(keyword).and_then(Value::as_u64);
                mutants.extend(limit.into_iter().flat_map(|limit| {
                    let pointer = format!("{}/{keyword}", property.pointer);
                    [limit - 1, limit + 1].map(|other| Mutant {
                        probe: constraint_probes::limit(name, keyword, limit, other),
                        ..mutant(
                            kind,
                            &pointer,
                            format!("{other} instead of {limit}"),
                            vec![Edit::Set(pointer.clone(), json!(other))],
                        )
                    })
                }));
            }
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
            // Only parameters that are defined in the operation have a default.
            if let Some(default) = parameter.value.pointer("/schema/default") {
                let pointer = format!("{}/parameters/{index}/schema/default", operation.pointer);
                mutants.extend(default_changed(&operation.id, &pointer, &parameter.name, default));
            }
        }
    }
    mutants
}

fn is_created_by_the_service(schema: &str) -> bool {
    matches!(schema, "APIKeyPrefix" | "AuditEventId" | "RequestCount")
}

fn changed(name: &str, keyword: &str, kind: Kind, value: &Value, direction: Direction) -> Option<Mutant> {
    let pointer = format!("/components/schemas/{name}/{keyword}");
    let other = match value {
        Value::String(pattern) => json!(constraint_probes::changed_pattern(name, pattern, direction)),
        Value::Number(number) => {
            let number = number.as_i64()?;
            let is_lower_bound = keyword.starts_with("min");
            let step = constraint_probes::step(name);
            json!(if is_lower_bound == (direction == Direction::Stricter) {
                number + step
            } else {
                number - step
            })
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Mutant {
        probe: constraint_probes::constraint(name, keyword, value, &other, direction),
        ..mutant(
            kind,
            &pointer,
            format!("{direction:?}: {other} instead of {value}"),
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
                format!("{other} instead of {default}"),
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
