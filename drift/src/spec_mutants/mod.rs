//! Mutants of the spec: every kind, at every place where it applies.

mod constraint_probes;
mod constraints;
mod fields;
mod headers;
mod operation_probes;
mod operations;
mod parameters;
mod statuses;

use serde_json::Value;

use crate::mutant::{Change, Edit, Kind, Mutant};
use crate::spec::Spec;

/// Returns the mutants of the spec, ordered by kind.
pub(crate) fn all(spec: &Spec) -> Vec<Mutant> {
    let mut mutants = [
        operations::all(spec),
        parameters::all(spec),
        headers::all(spec),
        fields::all(spec),
        statuses::all(spec),
        constraints::all(spec),
    ]
    .concat();
    mutants.sort_by_key(|mutant| mutant.kind);
    mutants
}

fn mutant(kind: Kind, place: &str, description: impl Into<String>, edits: Vec<Edit>) -> Mutant {
    Mutant {
        kind,
        place: place.to_owned(),
        description: description.into(),
        change: Change::Spec(edits),
        probe: None,
    }
}

/// Returns the edited document, or `None` if a place does not exist.
pub(crate) fn edited<'a>(spec: &Spec, edits: impl IntoIterator<Item = &'a Edit>) -> Option<Value> {
    let mut document = spec.document.clone();
    edits
        .into_iter()
        .all(|edit| edit.apply(&mut document))
        .then_some(document)
}

#[cfg(test)]
mod tests {
    use super::{Change, Kind, Spec, all, edited};

    fn spec() -> Spec {
        Spec::read(include_str!("../../../spec/openapi.yaml").to_owned()).expect("the spec is read")
    }

    #[test]
    fn every_kind_applies_somewhere() {
        let mutants = all(&spec());
        for kind in Kind::ALL {
            let is_code = kind.as_str().starts_with("code: ");
            let found = mutants.iter().any(|mutant| mutant.kind == kind);
            assert!(found != is_code, "{kind}");
        }
    }

    #[test]
    fn every_mutant_differs_from_the_spec() {
        let spec = spec();
        for mutant in all(&spec) {
            let Change::Spec(edits) = &mutant.change else {
                panic!("{} {} does not mutate the spec", mutant.kind, mutant.place);
            };
            let document = edited(&spec, edits);
            let document = document.unwrap_or_else(|| panic!("{} {}: no such place", mutant.kind, mutant.place));
            // Compared as text, because the order of operations and properties matters.
            assert_ne!(
                document.to_string(),
                spec.document.to_string(),
                "{} {}",
                mutant.kind,
                mutant.place
            );
        }
    }

    #[test]
    fn every_constraint_has_a_probe() {
        let spec = spec();
        let constraints = [
            Kind::PatternChanged,
            Kind::MinimumLengthChanged,
            Kind::MaximumLengthChanged,
            Kind::MinimumChanged,
            Kind::MinimumItemsChanged,
            Kind::MaximumItemsChanged,
            Kind::JsonLimitChanged,
        ];
        let without: Vec<_> = all(&spec)
            .into_iter()
            .filter(|mutant| constraints.contains(&mutant.kind) && mutant.probe.is_none())
            .map(|mutant| mutant.place)
            .collect();
        assert_eq!(without, Vec::<String>::new());
    }

    #[test]
    fn mutants_are_unique() {
        let spec = spec();
        let mut seen = std::collections::BTreeSet::new();
        for mutant in all(&spec) {
            assert!(
                seen.insert((mutant.kind, mutant.place.clone(), mutant.description.clone())),
                "{} {} {}",
                mutant.kind,
                mutant.place,
                mutant.description
            );
        }
    }
}
